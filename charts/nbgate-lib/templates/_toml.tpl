{{/*
TOML of a map: first its plain keys, then tables, then lists of tables. (list map "path.of.the.table").
Helm's own toToml writes 8080 as 8080.0, which the services refuse.
*/}}
{{- define "nbgate-lib.toml" -}}
{{- $path := index . 1 -}}
{{- $tables := dict -}}
{{- range $key, $value := index . 0 -}}
{{- if kindIs "invalid" $value -}}
{{- else if kindIs "map" $value -}}
{{- $_ := set $tables $key (list $value) -}}
{{- else if and (kindIs "slice" $value) $value (kindIs "map" (first $value)) -}}
{{- $_ := set $tables $key $value -}}
{{- else }}
{{ $key }} = {{ include "nbgate-lib.tomlValue" $value }}
{{- end -}}
{{- end -}}
{{- $whole := index . 0 -}}
{{- range $key, $entries := $tables -}}
{{- $name := ternary $key (printf "%s.%s" $path $key) (eq $path "") -}}
{{- range $entry := $entries }}
{{- if not (kindIs "map" $entry) }}{{ fail (printf "config.%s mixes tables with other values" $name) }}{{ end }}

{{ ternary (printf "[%s]" $name) (printf "[[%s]]" $name) (kindIs "map" (index $whole $key)) }}
{{- include "nbgate-lib.toml" (list $entry $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "nbgate-lib.tomlValue" -}}
{{- if kindIs "slice" . -}}
[{{ range $at, $item := . }}{{ if $at }}, {{ end }}{{ include "nbgate-lib.tomlValue" $item }}{{ end }}]
{{- else if kindIs "string" . -}}
{{ toJson . }}
{{- else if and (kindIs "float64" .) (eq . (floor .)) -}}
{{ int64 . }}
{{- else if kindIs "map" . -}}
{{ fail (printf "config has a table inside of a list of lists: %s" (toJson .)) }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}
