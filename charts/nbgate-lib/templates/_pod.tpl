{{/* The pod that a Deployment and a StatefulSet have in common: metadata and spec. */}}
{{- define "nbgate-lib.pod" -}}
{{- $config := include "nbgate-lib.config" . | fromYaml -}}
{{- $dev := .Values.config.devMode -}}
metadata:
  annotations:
    {{- $checksum := dict "checksum/config" (include "nbgate-lib.configFiles" . | sha256sum) }}
    {{- toYaml (merge $checksum (default dict .Values.podAnnotations)) | nindent 4 }}
  labels:
    {{- toYaml (merge (include "nbgate-lib.podLabels" . | fromYaml) (default dict .Values.podLabels)) | nindent 4 }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "nbgate-lib.terminationSeconds" (list . $config.server) }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ int64 .Values.runAsUser }}
    runAsGroup: {{ int64 .Values.runAsUser }}
    fsGroup: {{ int64 .Values.runAsUser }}
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  initContainers:
    # What is wrong with the configuration or the secrets is said here, before a pod serves: kubectl logs -c check-config
    - name: check-config
      {{- include "nbgate-lib.container" (list . "") | nindent 6 }}
      args: ["--config", "/etc/nbgate/config.toml", "check-config"]
  containers:
    - name: {{ .Chart.Name | quote }}
      {{- include "nbgate-lib.container" (list . (and $dev.enabled $dev.image)) | nindent 6 }}
      {{- if and $dev.enabled $dev.command }}
      command:
        {{- toYaml $dev.command | nindent 8 }}
      {{- else if and $dev.enabled $dev.image }}
      command:
        {{- include "nbgate-lib.liveCommand" . | nindent 8 }}
      {{- end }}
      args: ["--config", "/etc/nbgate/config.toml"]
      ports:
        - name: http
          containerPort: {{ int64 $config.server.port }}
        - name: admin
          containerPort: {{ int64 $config.server.admin_port }}
      {{- if not (and $dev.enabled $dev.image) }}{{/* The first build comes into a pod without one, and tools wait for pods that are ready. */}}
      startupProbe:
        httpGet: {path: /startupz, port: admin}
        periodSeconds: 1
        failureThreshold: 30
      livenessProbe:
        httpGet: {path: /livez, port: admin}
        periodSeconds: 10
        timeoutSeconds: 3
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "nbgate-lib.fullname" . | quote }}
    {{- if ne .Values.secrets.provider "none" }}
    - name: secrets
      secret:
        secretName: {{ include "nbgate-lib.secretName" . | quote }}
        defaultMode: 288 # 0440: for the group, which is fsGroup
    {{- end }}
    {{- if $dev.enabled }}
    - name: live
      emptyDir: {}
    - name: tmp
      emptyDir: {}
    {{- end }}
    {{- with include (printf "%s.volumes" .Chart.Name) . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  topologySpreadConstraints:
    {{- include "nbgate-lib.spread" . | trim | nindent 4 }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* What the checking and the serving container share: both see the same files. (list context image); no image: the service's own. */}}
{{- define "nbgate-lib.container" -}}
{{- $image := index . 1 -}}
{{- with index . 0 -}}
image: {{ default (include "nbgate-lib.image" .) $image | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: ["ALL"]
{{- with .Values.env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/nbgate
    readOnly: true
  {{- if ne .Values.secrets.provider "none" }}
  # A folder and not single files: so a secret that changes reaches the running pod.
  - name: secrets
    mountPath: /etc/nbgate/secrets
    readOnly: true
  {{- end }}
  {{- if .Values.config.devMode.enabled }}
  - name: live
    mountPath: /live
  - name: tmp
    mountPath: /tmp
  {{- end }}
  {{- with include (printf "%s.mounts" .Chart.Name) . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Longer than the drain: its grace, its deadline, and a reserve. */}}
{{- define "nbgate-lib.terminationSeconds" -}}
{{- $server := index . 1 -}}
{{- add (dig "drain_grace_seconds" 5 $server | int64) (dig "drain_deadline_seconds" 25 $server | int64) 5 -}}
{{- end -}}

{{- define "nbgate-lib.spread" -}}
{{- if .Values.topologySpreadConstraints -}}
{{- toYaml .Values.topologySpreadConstraints -}}
{{- else -}}
{{- $selector := include "nbgate-lib.selectorLabels" . -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
{{- end }}
{{- end -}}
{{- end -}}
