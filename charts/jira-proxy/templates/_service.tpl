{{/* What is jira-proxy's own; the rest is nbgate-lib's. */}}

{{- define "jira-proxy.kind" -}}Deployment{{- end -}}
{{- define "jira-proxy.storage" -}}{{- end -}}
{{- define "jira-proxy.files" -}}{{- end -}}
{{- define "jira-proxy.volumes" -}}{{- end -}}
{{- define "jira-proxy.mounts" -}}{{- end -}}
{{- define "jira-proxy.alerts" -}}{{- end -}}
{{- define "jira-proxy.egress" -}}[]{{- end -}}
{{- define "jira-proxy.needsIdentity" -}}yes{{- end -}}
{{- define "jira-proxy.exampleTenant" -}}[{upstream: {url: https://jira.example.org/}}]{{- end -}}
{{- define "jira-proxy.scopes" -}}["exec:notebook"]{{- end -}}

{{/* A tenant without a credential has its user name and password in the Secret; another than `default` with its name in front. */}}
{{- define "jira-proxy.tenant" -}}
{{- $name := default "default" .tenant.name -}}
{{- $key := ternary "/etc/nbgate/secrets/" (printf "/etc/nbgate/secrets/%s-" $name) (eq $name "default") -}}
{{- $credential := dict "kind" "basic" "username_file" (print $key "username") "password_file" (print $key "password") -}}
{{- toYaml (merge (dict "credential" (default $credential .tenant.credential)) .tenant) -}}
{{- end -}}

{{- define "jira-proxy.ingresses" -}}
{{- $paths := list -}}
{{- range .Values.config.tenant }}{{ $paths = append $paths (default "/jira-data-proxy" .prefix) }}{{ end -}}
{{- toYaml (list (dict "paths" $paths)) -}}
{{- end -}}

{{- define "jira-proxy.destinations" -}}
{{- $urls := list -}}
{{- range .Values.config.tenant }}{{ $urls = append $urls .upstream.url }}{{ end -}}
{{- toYaml $urls -}}
{{- end -}}
