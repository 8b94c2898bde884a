{{/*
The whole configuration, as YAML: what the chart's values say, laid over what follows from other values. A service's chart
defines `<chart>.tenant`, which completes one tenant: (dict "context" $ "tenant" map), as YAML.
*/}}
{{- define "nbgate-lib.config" -}}
{{- $context := . -}}
{{- $config := omit (deepCopy .Values.config) "devMode" -}}
{{- $host := include "nbgate-lib.host" . -}}
{{- $server := dict "port" 8080 "admin_port" 8090 -}}
{{- if $host }}{{ $_ := set $server "public_url" (printf "https://%s/" $host) }}{{ end -}}
{{- $_ := set $config "server" (mergeOverwrite $server (default dict $config.server)) -}}
{{- if .Values.caBundle -}}
{{- $_ := set $config "tls" (mergeOverwrite (dict "ca_file" "/etc/nbgate/ca.pem") (default dict $config.tls)) -}}
{{- end -}}
{{- $needsIdentity := include (printf "%s.needsIdentity" .Chart.Name) . -}}
{{- if and $needsIdentity (not $config.identity) (eq .Values.ingress.kind "gafaelfawr") -}}
{{/* A copy has a host of its own, and Gafaelfawr is at the environment's. */}}
{{- $gafaelfawr := dict "kind" "gafaelfawr" "base_url" (printf "https://%s" (default $host (default dict .Values.global).host)) -}}
{{- with .Values.ingress.gafaelfawr.scopes }}{{ $_ := set $gafaelfawr "required_scopes" . }}{{ end -}}
{{- $_ := set $config "identity" (list $gafaelfawr) -}}
{{- end -}}
{{- if and $needsIdentity (not $config.identity) -}}
{{- fail "config.identity is empty: say who vouches for callers, for example {kind: jupyterhub, api_url: .., service_name: ..}" -}}
{{- end -}}
{{- if not $config.tenant -}}
{{- fail (printf "config.tenant is empty: say what is served, for example %s" (include (printf "%s.exampleTenant" .Chart.Name) .)) -}}
{{- end -}}
{{- $tenants := list -}}
{{- range $tenant := $config.tenant -}}
{{- $complete := include (printf "%s.tenant" $context.Chart.Name) (dict "context" $context "tenant" $tenant) -}}
{{- $tenants = append $tenants (fromYaml $complete) -}}
{{- end -}}
{{- $_ := set $config "tenant" $tenants -}}
{{- toYaml $config -}}
{{- end -}}

{{/*
What Gafaelfawr asks for (`all`), and what it delegates (`delegate`; none where the service does not verify its tokens). Asked for
is what every tenant needs: the service itself asks for what one needs and another does not, of the delegated token.
*/}}
{{- define "nbgate-lib.gafaelfawrScopes" -}}
{{- $config := include "nbgate-lib.config" . | fromYaml -}}
{{- $entry := dict -}}
{{- range reverse (default list $config.identity) }}{{ if eq .kind "gafaelfawr" }}{{ $entry = . }}{{ end }}{{ end -}}
{{- $default := include (printf "%s.scopes" .Chart.Name) . | fromYamlArray -}}
{{- $own := hasKey $entry "required_scopes" | ternary $entry.required_scopes $default -}}
{{- $some := list -}}
{{- range $config.tenant }}{{ $some = concat $some (default list .required_scopes) }}{{ end -}}
{{- $every := list -}}
{{- range $scope := $some -}}
{{- $needed := true -}}
{{- range $config.tenant }}{{ if not (has $scope (default list .required_scopes)) }}{{ $needed = false }}{{ end }}{{ end -}}
{{- if $needed }}{{ $every = append $every $scope }}{{ end -}}
{{- end -}}
{{- $all := default (concat $own $every) .Values.ingress.gafaelfawr.scopes -}}
{{- $delegate := ternary (concat $all $own $some | uniq) list (not (empty $entry)) -}}
{{- toYaml (dict "all" (uniq $all) "verified" (not (empty $entry)) "delegate" $delegate) -}}
{{- end -}}

{{- define "nbgate-lib.configFiles" -}}
config.toml: |
  # Written by the chart {{ .Chart.Name }} from its values.
  {{- include "nbgate-lib.toml" (list (include "nbgate-lib.config" . | fromYaml) "") | trim | nindent 2 }}
{{- with .Values.caBundle }}
ca.pem: |
  {{- . | nindent 2 }}
{{- end }}
{{- with include (printf "%s.files" .Chart.Name) . | trim }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.configmap" -}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "nbgate-lib.metadata" (list . "0") | nindent 2 }}
data:
  {{- include "nbgate-lib.configFiles" . | nindent 2 }}
{{- end -}}
