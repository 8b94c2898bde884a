{{- define "nbgate-lib.monitoring" -}}
{{- if .Values.metrics.serviceMonitor.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "nbgate-lib.metadata" (list . "2" .Values.metrics.serviceMonitor.labels) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "nbgate-lib.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: admin
      path: /metrics
      interval: {{ .Values.metrics.serviceMonitor.interval | quote }}
      # The label `service` is the service's own.
      honorLabels: true
{{- end }}
{{- if .Values.metrics.rules.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  {{- include "nbgate-lib.metadata" (list . "2" .Values.metrics.rules.labels) | nindent 2 }}
spec:
  groups:
    - name: {{ printf "nbgate/%s/%s" .Release.Namespace (include "nbgate-lib.fullname" .) | quote }}
      rules:
        {{- $context := . }}
        {{- range include "nbgate-lib.alerts" . | fromYamlArray }}
        {{- include "nbgate-lib.alert" (list $context .) | nindent 8 }}
        {{- end }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.alert" -}}
{{- $alert := index . 1 -}}
{{- with index . 0 -}}
- alert: {{ $alert.name }}
  expr: {{ $alert.expr | replace "SERVICE" (printf "namespace=%q,job=%q" .Release.Namespace (include "nbgate-lib.fullname" .)) | quote }}
  {{- with $alert.for }}
  for: {{ . }}
  {{- end }}
  labels:
    severity: {{ $alert.severity }}
  annotations:
    summary: {{ $alert.summary | quote }}
    {{- with .Values.metrics.rules.runbookUrl }}
    runbook_url: {{ printf "%s#%s" . (lower $alert.name) | quote }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/*
(list labels counter window): counted in the window. A counter that is not there until it counts appears as 1, which is no increase.
*/}}
{{- define "nbgate-lib.grown" -}}
{{- $counter := index . 1 -}}
{{- $window := index . 2 -}}
sum by ({{ index . 0 }}) (increase({{ $counter }}[{{ $window }}])) > 0 or sum by ({{ index . 0 }}) ({{ $counter }} unless {{ $counter }} offset {{ $window }}) > 0
{{- end -}}

{{/* What docs/operations/alerts.md explains, one section for each. SERVICE stands for the labels of this service's pods. */}}
{{- define "nbgate-lib.alerts" -}}
{{- /* Without a ServiceMonitor `up` is another's, and absent for ever. */ -}}
{{- if .Values.metrics.serviceMonitor.enabled }}
- name: NbgateDown
  expr: absent(up{SERVICE} == 1)
  for: 2m
  severity: critical
  summary: No pod of the service answers Prometheus
{{- end }}
- name: NbgateErrors
  expr: >-
    sum by (tenant) (rate(nbgate_requests_total{SERVICE,status=~"5.."}[5m]))
    / sum by (tenant) (rate(nbgate_requests_total{SERVICE}[5m])) > 0.05
  for: 10m
  severity: warning
  summary: More than one request in twenty ends in an error of ours or of the upstream
- name: NbgateIdentityUnavailable
  {{- /* Two brief failures are seen for less than twice the window: `for` is longer. */}}
  expr: >-
    sum by (kind) (rate(nbgate_identity_lookups_total{SERVICE,outcome="unavailable"}[3m]))
    / sum by (kind) (rate(nbgate_identity_lookups_total{SERVICE}[3m])) > 0.1
  for: 7m
  severity: critical
  summary: Callers are refused because the platform does not say who they are
- name: NbgateSecretUnread
  expr: >-
    max by (pod, tenant) (nbgate_credential_unread{SERVICE}) > 0
    or max by (pod) (nbgate_certificate_unread{SERVICE}) > 0
  for: 2m
  severity: warning
  summary: A secret on disk cannot be used as it is, what was read before it still is
- name: NbgateAnswersCut
  expr: sum by (tenant) (increase(nbgate_cut_answers_total{SERVICE}[15m])) > 10
  severity: warning
  summary: Answers end in the middle because the upstream breaks off or falls silent
- name: NbgateCertificateEnds
  expr: nbgate_certificate_not_after_seconds{SERVICE} - time() < 14 * 86400
  for: 1h
  severity: warning
  summary: The certificate in use ends within two weeks, no newer one has arrived
- name: NbgateAuditLost
  expr: sum by (pod) (increase(nbgate_audit_lost_total{SERVICE}[15m])) > 0
  severity: warning
  summary: Log lines are lost because standard output does not take them
- name: NbgatePanic
  expr: sum by (pod) (increase(nbgate_panics_total{SERVICE}[1h])) > 0
  severity: warning
  summary: The service met a bug of its own
{{- include (printf "%s.alerts" .Chart.Name) . }}
{{- end -}}
