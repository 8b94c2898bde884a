{{/* What no schema can say, or not with a cure. */}}
{{- define "nbgate-lib.refusals" -}}
{{- include "nbgate-lib.neverNull" . -}}
{{- range .Values.env -}}
{{- if contains "__" .name -}}
{{- fail (printf "env has %s, a key of the configuration: write it below config, where ports and probes follow from it" .name) -}}
{{- else if regexMatch "(PASSWORD|SECRET|TOKEN|KEY)$" .name -}}
{{- fail (printf "env has %s, which everybody who may see pods would read: put it into the Secret, and name its file in config" .name) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraVolumes -}}
{{- if .hostPath -}}
{{- fail "extraVolumes has a hostPath, which gives the pod the node's own files: use a configMap, secret or persistentVolumeClaim" -}}
{{- end -}}
{{- end -}}
{{- if contains "PRIVATE KEY" (default "" .Values.caBundle) -}}
{{- fail "caBundle has a private key, which a ConfigMap would show: only certificates belong there" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int64 .Values.autoscaling.minReplicas) (int64 .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas: raise maxReplicas, too" -}}
{{- end -}}
{{- end -}}

{{/*
`null` takes a default away, and a number that is not there is written as 0: the user root, no pods. A schema cannot ask for these values, as `helm lint` looks
at a chart's own values.yaml without those that it imports.
*/}}
{{- define "nbgate-lib.neverNull" -}}
{{- $paths := list "image.pullPolicy" "replicaCount" "progressDeadlineSeconds" "runAsUser" "config.devMode" "ingress.kind" -}}
{{- $paths = concat $paths (list "ingress.gafaelfawr.loginRedirect" "ingress.httproute" "networkPolicy.enabled" "secrets.provider") -}}
{{- $paths = concat $paths (list "secrets.externalSecret.storeKind" "metrics.serviceMonitor.enabled" "metrics.rules.enabled") -}}
{{- range list "enabled" "minReplicas" "maxReplicas" "targetCPUUtilizationPercentage" }}{{ $paths = append $paths (print "autoscaling." .) }}{{ end -}}
{{- range $path := $paths -}}
{{- $at := $.Values -}}
{{- range splitList "." $path -}}
{{- if kindIs "map" $at }}{{ $at = index $at . }}{{ end -}}
{{- end -}}
{{- if kindIs "invalid" $at }}{{ fail (printf "%s is null, which takes its default away: leave it out, or write a value" $path) }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* (list context "value" map): a value with one entry for each tenant has none for a tenant that is not there. */}}
{{- define "nbgate-lib.onlyTenants" -}}
{{- $value := index . 1 -}}
{{- $names := list -}}
{{- range (index . 0).Values.config.tenant }}{{ $names = append $names (default "default" .name) }}{{ end -}}
{{- range $name, $_ := index . 2 -}}
{{- if not (has $name $names) -}}
{{- fail (printf "%s.%s is for no tenant: those of config.tenant are %s" $value $name (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
