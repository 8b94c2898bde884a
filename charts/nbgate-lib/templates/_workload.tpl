{{/* (dict "context" $ "kind" "Deployment" or "StatefulSet", "storage" the YAML of a StatefulSet's volumes) */}}
{{- define "nbgate-lib.workload" -}}
{{- $kind := .kind -}}
{{- $storage := .storage -}}
{{- with .context }}
---
apiVersion: apps/v1
kind: {{ $kind }}
metadata:
  {{- include "nbgate-lib.metadata" (list . "2") | nindent 2 }}
spec:
  {{- if .Values.config.devMode.enabled }}
  replicas: 1
  {{- else if not .Values.autoscaling.enabled }}
  replicas: {{ int64 .Values.replicaCount }}
  {{- end }}
  revisionHistoryLimit: 3
  {{- if eq $kind "Deployment" }}
  progressDeadlineSeconds: {{ int64 .Values.progressDeadlineSeconds }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: "25%"}
  {{- else }}
  serviceName: {{ include "nbgate-lib.fullname" . | quote }}
  podManagementPolicy: Parallel
  {{- $storage | nindent 2 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "nbgate-lib.selectorLabels" . | nindent 6 }}
  template:
    {{- include "nbgate-lib.pod" . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.availability" -}}
{{- if and .Values.autoscaling.enabled (not .Values.config.devMode.enabled) }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "nbgate-lib.metadata" (list . "2") | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: {{ include (printf "%s.kind" .Chart.Name) . }}
    name: {{ include "nbgate-lib.fullname" . | quote }}
  minReplicas: {{ int64 .Values.autoscaling.minReplicas }}
  maxReplicas: {{ int64 .Values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ int64 .Values.autoscaling.targetCPUUtilizationPercentage }}
    {{- with .Values.autoscaling.metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
{{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "nbgate-lib.metadata" (list . "0") | nindent 2 }}
spec:
  maxUnavailable: 1
  # A pod that is not ready anyway keeps no node from being emptied.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "nbgate-lib.selectorLabels" . | nindent 6 }}
{{- end -}}

{{- define "nbgate-lib.service" }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "nbgate-lib.metadata" (list . "0") | nindent 2 }}
spec:
  selector:
    {{- include "nbgate-lib.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: 8080
      targetPort: http
    # For Prometheus; no ingress leads here.
    - name: admin
      port: 8090
      targetPort: admin
{{- end -}}

{{/* Everything, in the order in which Argo CD applies it. */}}
{{- define "nbgate-lib.all" -}}
{{- include "nbgate-lib.refusals" . -}}
{{- $kind := include (printf "%s.kind" .Chart.Name) . -}}
{{- $storage := include (printf "%s.storage" .Chart.Name) . -}}
{{- include "nbgate-lib.configmap" . }}
{{- include "nbgate-lib.secrets" . }}
{{- include "nbgate-lib.service" . }}
{{- include "nbgate-lib.networkpolicy" . }}
{{- include "nbgate-lib.workload" (dict "context" . "kind" $kind "storage" $storage) }}
{{- include "nbgate-lib.availability" . }}
{{- include "nbgate-lib.ingress" . }}
{{- include "nbgate-lib.monitoring" . }}
{{- end -}}
