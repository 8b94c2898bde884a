{{- define "nbgate-lib.secrets" -}}
{{- if eq .Values.secrets.provider "vaultSecret" }}
---
apiVersion: ricoberger.de/v1alpha1
kind: VaultSecret
metadata:
  {{- include "nbgate-lib.secretMetadata" . | nindent 2 }}
spec:
  path: {{ include "nbgate-lib.vaultPath" . | quote }}
  type: Opaque
{{- else if eq .Values.secrets.provider "externalSecret" }}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  {{- include "nbgate-lib.secretMetadata" . | nindent 2 }}
spec:
  refreshInterval: {{ .Values.secrets.externalSecret.refreshInterval | quote }}
  secretStoreRef:
    kind: {{ .Values.secrets.externalSecret.storeKind }}
    name: {{ required "secrets.externalSecret.storeName is not set: name the store that holds the secrets" .Values.secrets.externalSecret.storeName | quote }}
  target:
    name: {{ include "nbgate-lib.secretName" . | quote }}
    creationPolicy: Owner
  dataFrom:
    - extract:
        key: {{ include "nbgate-lib.vaultPath" . | quote }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.secretMetadata" -}}
name: {{ include "nbgate-lib.secretName" . | quote }}
namespace: {{ .Release.Namespace | quote }}
labels:
  {{- include "nbgate-lib.labels" . | nindent 2 }}
annotations:
  argocd.argoproj.io/sync-wave: "0"
{{- end -}}

{{- define "nbgate-lib.vaultPath" -}}
{{- if .Values.secrets.vaultPath -}}
{{- .Values.secrets.vaultPath -}}
{{- else -}}
{{- $base := required "secrets.vaultPath is not set: say where the secrets are in the store" (default dict .Values.global).vaultSecretsPath -}}
{{- printf "%s/%s" $base .Chart.Name -}}
{{- end -}}
{{- end -}}
