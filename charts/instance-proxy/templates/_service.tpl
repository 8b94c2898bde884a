{{/* What is instance-proxy's own; the rest is nbgate-lib's. */}}

{{- define "instance-proxy.kind" -}}StatefulSet{{- end -}}
{{- define "instance-proxy.volumes" -}}{{- end -}}
{{/* With VISA its API server says who calls. */}}
{{- define "instance-proxy.needsIdentity" -}}
{{- range .Values.config.tenant }}{{ if eq (dig "instances" "kind" "visa" .) "static" }}yes{{ end }}{{ end -}}
{{- end -}}

{{- define "instance-proxy.exampleTenant" -}}[{instances: {api_url: https://visa.example.org/}}]{{- end -}}
{{- define "instance-proxy.scopes" -}}["exec:notebook"]{{- end -}}

{{/* The journal of open sessions outlives pods, also those that are scaled away: the next one with the same number reads it. */}}
{{- define "instance-proxy.storage" -}}
{{- $persistence := default dict .Values.persistence -}}
persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
volumeClaimTemplates:
  - metadata:
      name: journal
    spec:
      accessModes: [ReadWriteOnce]
      {{- with $persistence.storageClass }}
      storageClassName: {{ . | quote }}
      {{- end }}
      resources:
        requests:
          storage: {{ default "64Mi" $persistence.size | quote }}
{{- end -}}

{{- define "instance-proxy.mounts" -}}
- name: journal
  mountPath: /var/lib/nbgate
{{- end -}}

{{- define "instance-proxy.files" -}}
{{- include "nbgate-lib.onlyTenants" (list . "routes" (default dict .Values.routes)) -}}
{{- range $tenant, $routes := .Values.routes }}
routes-{{ $tenant }}.json: |
  {{- toPrettyJson $routes | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "instance-proxy.tenant" -}}
{{- $name := default "default" .tenant.name -}}
{{- $defaults := dict "sessions" (dict "directory" (printf "/var/lib/nbgate/%s" $name)) -}}
{{- if hasKey (default dict .context.Values.routes) $name -}}
{{- $_ := set $defaults "routes_file" (printf "/etc/nbgate/routes-%s.json" $name) -}}
{{- end -}}
{{- toYaml (mergeOverwrite $defaults .tenant) -}}
{{- end -}}

{{- define "instance-proxy.alerts" }}
- name: NbgateJournalFails
  expr: >-
    {{ include "nbgate-lib.grown" (list "pod" `nbgate_journal_writes_total{SERVICE,outcome="failed"}` "15m") }}
    or {{ include "nbgate-lib.grown" (list "pod" `nbgate_endings_total{SERVICE,outcome="given_up"}` "15m") }}
    or sum by (pod) (increase(nbgate_endings_total{SERVICE,outcome="failed"}[15m])) > 5
  severity: warning
  summary: Open sessions are not written down, or VISA does not take that they ended
{{- end -}}

{{/* The routes of all tenants; a tenant without any has those that are built in, VISA's. */}}
{{- define "instance-proxy.routes" -}}
{{- $all := list -}}
{{- range .Values.config.tenant -}}
{{- $builtIn := list (dict "match" "^/jupyter/" "remotePort" 8888) (dict "match" "^/visafs/" "remotePort" 8090) (dict "match" "^/ws/print/" "remotePort" 8091) -}}
{{- $all = concat $all (index (default dict $.Values.routes) (default "default" .name) | default $builtIn) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/* The plain path that each `match` begins with is what is served. */}}
{{- define "instance-proxy.ingresses" -}}
{{- $paths := list -}}
{{- range include "instance-proxy.routes" . | fromYamlArray -}}
{{- $plain := regexFind `^\^(\\?/([A-Za-z0-9_-]|\\\.)+)+\\?/` .match | replace `\` "" -}}
{{- if not $plain }}{{ fail (printf "routes: %s does not begin with a plain path before the id: write one such as ^/jupyter/" .match) }}{{ end -}}
{{- $paths = append $paths ($plain | trimPrefix "^" | trimSuffix "/") -}}
{{- end -}}
{{- toYaml (list (dict "paths" (uniq $paths))) -}}
{{- end -}}

{{- define "instance-proxy.destinations" -}}
{{- $urls := list -}}
{{- range .Values.config.tenant -}}
{{- $instances := default dict .instances -}}
{{- if ne $instances.kind "static" -}}
{{- $plain := printf "http://%s:%d" (default "localhost" $instances.api_host) (default 8086 $instances.api_port | int64) -}}
{{- $urls = append $urls (default $plain $instances.api_url) -}}
{{- end -}}
{{- end -}}
{{- toYaml $urls -}}
{{- end -}}

{{/* Instances, at the ports of routes. */}}
{{- define "instance-proxy.egress" -}}
{{- $ports := list -}}
{{- range include "instance-proxy.routes" . | fromYamlArray }}{{ $ports = append $ports .remotePort }}{{ end -}}
{{- $rules := list -}}
{{- range .Values.config.tenant -}}
{{- $upstream := default dict .upstream -}}
{{- range default (list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16") $upstream.allow_networks -}}
{{- $cidr := contains "/" . | ternary . (printf "%s/%s" . (contains ":" . | ternary "128" "32")) -}}
{{- $linkLocal := get (dict "0.0.0.0/0" (list "169.254.0.0/16") "::/0" (list "fe80::/10")) $cidr | default list -}}
{{- $rules = append $rules (dict "cidr" $cidr "except" $linkLocal "ports" (uniq $ports)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}
