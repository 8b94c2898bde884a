{{/*
A service's chart defines `<chart>.ingresses`, a YAML list: paths, and where Gafaelfawr must let everybody pass for the service to
ask itself, `anonymous: true` and a `suffix` for the object's name. Other kinds of ingress need one object for all paths.
*/}}
{{- define "nbgate-lib.ingress" -}}
{{- $context := . -}}
{{- $ingresses := include (printf "%s.ingresses" .Chart.Name) . | fromYamlArray -}}
{{- if eq .Values.ingress.kind "gafaelfawr" }}
{{- range $ingresses }}
{{- include "nbgate-lib.gafaelfawrIngress" (dict "context" $context "ingress" .) }}
{{- end }}
{{- else if ne .Values.ingress.kind "none" }}
{{- $paths := list -}}
{{- range $ingresses }}{{ if not .anonymous }}{{ $paths = concat $paths .paths }}{{ end }}{{ end -}}
{{- if eq .Values.ingress.kind "ingress" }}
{{- include "nbgate-lib.plainIngress" (list $context $paths) }}
{{- else }}
{{- include "nbgate-lib.httproute" (list $context $paths) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.rules" -}}
{{- $context := index . 0 -}}
- host: {{ include "nbgate-lib.host" $context | quote }}
  http:
    paths:
      {{- range index . 1 }}
      - path: {{ . | quote }}
        pathType: Prefix
        backend:
          service:
            name: {{ include "nbgate-lib.fullname" $context | quote }}
            port:
              name: http
      {{- end }}
{{- end -}}

{{- define "nbgate-lib.tls" -}}
{{- if .Values.ingress.tlsSecret }}
tls:
  - hosts: [{{ include "nbgate-lib.host" . | quote }}]
    secretName: {{ .Values.ingress.tlsSecret | quote }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.gafaelfawrIngress" -}}
{{- $ingress := .ingress -}}
{{- with .context }}
{{- $name := printf "%s%s" (include "nbgate-lib.fullname" .) (default "" $ingress.suffix) }}
{{- $service := include "nbgate-lib.gafaelfawrService" . | quote }}
{{- $scopes := include "nbgate-lib.gafaelfawrScopes" . | fromYaml }}
---
apiVersion: gafaelfawr.lsst.io/v1alpha1
kind: GafaelfawrIngress
metadata:
  name: {{ $name | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "nbgate-lib.labels" . | nindent 4 }}
  annotations:
    argocd.argoproj.io/sync-wave: "2"
config:
  service: {{ $service }}
  {{- if $ingress.anonymous }}
  scopes:
    anonymous: true
  {{- else }}
  loginRedirect: {{ .Values.ingress.gafaelfawr.loginRedirect }}
  scopes:
    all:
      {{- toYaml $scopes.all | nindent 6 }}
  {{- if $scopes.verified }}
  # The caller's own token ends at the ingress: the service is given one of the same person's, with the scopes that it asks for.
  delegate:
    internal:
      service: {{ $service }}
      scopes:
        {{- toYaml $scopes.delegate | nindent 8 }}
  {{- end }}
  {{- end }}
template:
  metadata:
    name: {{ $name | quote }}
    {{- with .Values.ingress.annotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    rules:
      {{- include "nbgate-lib.rules" (list . $ingress.paths) | nindent 6 }}
    {{- include "nbgate-lib.tls" . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.plainIngress" -}}
{{- $paths := index . 1 -}}
{{- with index . 0 }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "nbgate-lib.metadata" (list . "2" dict .Values.ingress.annotations) | nindent 2 }}
spec:
  {{- with .Values.ingress.className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  rules:
    {{- include "nbgate-lib.rules" (list . $paths) | nindent 4 }}
  {{- include "nbgate-lib.tls" . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.httproute" -}}
{{- $paths := index . 1 -}}
{{- with index . 0 }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  {{- include "nbgate-lib.metadata" (list . "2" dict .Values.ingress.annotations) | nindent 2 }}
spec:
  parentRefs:
    {{- if not .Values.ingress.httproute.parentRefs }}
    {{- fail "ingress.httproute.parentRefs is not set: name the gateway that serves the route" }}
    {{- end }}
    {{- toYaml .Values.ingress.httproute.parentRefs | nindent 4 }}
  hostnames: [{{ include "nbgate-lib.host" . | quote }}]
  rules:
    - matches:
        {{- range $paths }}
        - path:
            type: PathPrefix
            value: {{ . | quote }}
        {{- end }}
      backendRefs:
        - name: {{ include "nbgate-lib.fullname" . | quote }}
          port: 8080
{{- end }}
{{- end -}}
