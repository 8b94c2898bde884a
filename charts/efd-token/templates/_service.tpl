{{/* What is efd-token's own; the rest is nbgate-lib's. */}}

{{- define "efd-token.kind" -}}Deployment{{- end -}}
{{- define "efd-token.storage" -}}{{- end -}}
{{- define "efd-token.files" -}}{{- end -}}
{{- define "efd-token.alerts" -}}{{- end -}}
{{- define "efd-token.egress" -}}[]{{- end -}}
{{- define "efd-token.needsIdentity" -}}yes{{- end -}}
{{- define "efd-token.exampleTenant" -}}[{name: default}]{{- end -}}
{{- define "efd-token.scopes" -}}["read:sasquatch"]{{- end -}}

{{/* Only the documents are in the folder that efd-token serves from, and not the signing keys. */}}
{{- define "efd-token.volumes" -}}
{{- if not .Values.documents }}{{ fail "documents is empty: name the Secret's keys that hold databases, for example {default: [usdf_efd]}" }}{{ end -}}
{{- include "nbgate-lib.onlyTenants" (list . "documents" .Values.documents) -}}
{{- range $tenant, $documents := .Values.documents }}
{{- range $documents }}
{{- if hasSuffix "lease-keys" . }}{{ fail (printf "documents.%s has %s, which is what leases are signed with: name databases only" $tenant .) }}{{ end }}
{{- end }}
- name: documents-{{ $tenant }}
  secret:
    secretName: {{ include "nbgate-lib.secretName" $ | quote }}
    defaultMode: 288 # 0440
    items:
      {{- range $documents }}
      - {key: {{ . | quote }}, path: {{ . | quote }}}
      {{- end }}
{{- end }}
{{- end -}}

{{- define "efd-token.mounts" -}}
{{- range $tenant, $documents := .Values.documents }}
- name: documents-{{ $tenant }}
  mountPath: /etc/nbgate/documents/{{ $tenant }}
  readOnly: true
{{- end }}
{{- end -}}

{{/* Signing keys are in the Secret as `lease-keys`; of another tenant than `default`, with its name in front. */}}
{{- define "efd-token.tenant" -}}
{{- $name := default "default" .tenant.name -}}
{{- $keys := printf "/etc/nbgate/secrets/%s" (ternary "lease-keys" (printf "%s-lease-keys" $name) (eq $name "default")) -}}
{{- $defaults := dict "directory" (printf "/etc/nbgate/documents/%s" $name) "lease" (dict "keys_file" $keys) -}}
{{- toYaml (mergeOverwrite $defaults .tenant) -}}
{{- end -}}

{{/* Gafaelfawr refuses Basic credentials that are not its own: leases need an ingress that lets them pass. */}}
{{- define "efd-token.ingresses" -}}
{{- $paths := list -}}
{{- $leases := list -}}
{{- range .Values.config.tenant -}}
{{- $prefix := default "/segwarides" .prefix -}}
{{- $discovery := hasKey . "discovery_prefix" | ternary .discovery_prefix "/discovery" -}}
{{- $paths = concat $paths (compact (list $prefix $discovery)) -}}
{{- $leases = append $leases (printf "%s/efd" $prefix) -}}
{{- end -}}
{{- toYaml (list (dict "paths" (uniq $paths)) (dict "paths" $leases "anonymous" true "suffix" "-leases")) -}}
{{- end -}}

{{- define "efd-token.destinations" -}}
{{- $urls := list -}}
{{- range .Values.config.tenant }}{{ range .key }}{{ $urls = append $urls .url }}{{ end }}{{ end -}}
{{- toYaml (compact $urls) -}}
{{- end -}}
