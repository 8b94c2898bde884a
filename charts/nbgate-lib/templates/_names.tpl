{{/* Names and labels. Every template here takes the chart's own context. */}}

{{- define "nbgate-lib.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "nbgate-lib.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "nbgate-lib.podLabels" -}}
{{ include "nbgate-lib.selectorLabels" . }}
app.kubernetes.io/component: "server"
app.kubernetes.io/part-of: "nbgate"
{{- if .Values.config.devMode.enabled }}
nbgate/dev-mode: "true"
{{- end }}
{{- end -}}

{{- define "nbgate-lib.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{ include "nbgate-lib.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{/*
(list context wave labels annotations): Argo CD applies lower waves first, and waits until they are healthy; further labels and
annotations are the site's, and optional. Labels that are the chart's own stay as they are: others select by them.
*/}}
{{- define "nbgate-lib.metadata" -}}
{{- $context := index . 0 -}}
name: {{ include "nbgate-lib.fullname" $context | quote }}
namespace: {{ $context.Release.Namespace | quote }}
labels:
  {{- $labels := dict -}}
  {{- if gt (len .) 2 }}{{ $labels = index . 2 | default dict }}{{ end -}}
  {{- toYaml (merge (include "nbgate-lib.labels" $context | fromYaml) $labels) | nindent 2 }}
annotations:
  {{- $annotations := dict -}}
  {{- if gt (len .) 3 }}{{ $annotations = index . 3 | default dict }}{{ end -}}
  {{- toYaml (merge (dict) $annotations (dict "argocd.argoproj.io/sync-wave" (index . 1))) | nindent 2 }}
{{- end -}}

{{- define "nbgate-lib.image" -}}
{{- $registry := required "image.registry is not set: name the registry that holds the site's images" .Values.image.registry -}}
{{- $repository := default .Chart.Name .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s/%s@%s" $registry $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s/%s:%s" $registry $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "nbgate-lib.host" -}}
{{- $host := default (default dict .Values.global).host .Values.ingress.host -}}
{{- if and (not $host) (ne .Values.ingress.kind "none") -}}
{{- fail "ingress.host is not set: name the host that callers use, or set ingress.kind to none" -}}
{{- end -}}
{{- $host -}}
{{- end -}}

{{- define "nbgate-lib.secretName" -}}
{{- default (include "nbgate-lib.fullname" .) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "nbgate-lib.gafaelfawrService" -}}
{{- default .Chart.Name .Values.ingress.gafaelfawr.service -}}
{{- end -}}
