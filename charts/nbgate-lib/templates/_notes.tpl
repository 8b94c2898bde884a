{{- define "nbgate-lib.notes" -}}
{{- $name := include "nbgate-lib.fullname" . -}}
{{ .Chart.Name }} {{ .Chart.AppVersion }}
{{- if ne .Values.ingress.kind "none" }}, for callers at https://{{ include "nbgate-lib.host" . }}{{ end }}

  kubectl -n {{ .Release.Namespace }} rollout status {{ include (printf "%s.kind" .Chart.Name) . | lower }}/{{ $name }}
{{- if ne .Values.secrets.provider "none" }}

Pods wait until the Secret {{ include "nbgate-lib.secretName" . }} is there. What is wrong with it, or with the configuration, is told by
{{- else }}

What is wrong with the configuration is told by
{{- end }}

  kubectl -n {{ .Release.Namespace }} logs -l app.kubernetes.io/instance={{ .Release.Name }} -c check-config
{{- end -}}
