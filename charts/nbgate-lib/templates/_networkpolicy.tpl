{{- define "nbgate-lib.networkpolicy" -}}
{{- if .Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "nbgate-lib.metadata" (list . "0") | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "nbgate-lib.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        {{- include "nbgate-lib.ingressFrom" . | trim | nindent 8 }}
      ports:
        - port: http
          protocol: TCP
    {{- with .Values.networkPolicy.metricsFrom }}
    - from:
        {{- toYaml . | nindent 8 }}
      ports:
        - port: admin
          protocol: TCP
    {{- end }}
  egress:
    {{- with .Values.networkPolicy.dns }}
    - to:
        {{- toYaml . | nindent 8 }}
      ports:
        - {port: 53, protocol: UDP}
        - {port: 53, protocol: TCP}
    {{- end }}
    {{- include "nbgate-lib.egress" . | trim | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "nbgate-lib.ingressFrom" -}}
{{- if .Values.networkPolicy.ingressFrom -}}
{{- toYaml .Values.networkPolicy.ingressFrom -}}
{{- else if eq .Values.ingress.kind "gafaelfawr" -}}
- namespaceSelector: {}
  podSelector:
    matchLabels:
      gafaelfawr.lsst.io/ingress: "true"
{{- else if eq .Values.ingress.kind "none" -}}
- podSelector: {}
{{- else if eq .Values.ingress.kind "httproute" -}}
{{- $namespaces := list -}}
{{- range .Values.ingress.httproute.parentRefs }}{{ $namespaces = append $namespaces (default $.Release.Namespace .namespace) }}{{ end -}}
{{- range uniq $namespaces }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . | quote }}
{{- end }}
{{- else -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: ingress-nginx
{{- end -}}
{{- end -}}

{{/*
Rules of three origins: networkPolicy.egress, the service's own (`<chart>.egress`), and URLs that the configuration names. An
address leads there; a Service of the cluster to the pods of its namespace, unless networkPolicy.egress names that; any other name, unless networkPolicy.egress says
what is open, to its port at public addresses.
*/}}
{{- define "nbgate-lib.egress" -}}
{{- $config := include "nbgate-lib.config" . | fromYaml -}}
{{- $rules := concat (default list .Values.networkPolicy.egress) (include (printf "%s.egress" .Chart.Name) . | fromYamlArray) -}}
{{- $ports := list 443 -}}
{{- $urls := include (printf "%s.destinations" .Chart.Name) . | fromYamlArray -}}
{{- range $config.identity -}}
{{- $urls = concat $urls (list .base_url .api_url .issuer .endpoint | compact) -}}
{{- end -}}
{{- $namespaces := list -}}
{{- range .Values.networkPolicy.egress }}{{ $namespaces = append $namespaces .namespace }}{{ end -}}
{{- range uniq $urls -}}
{{- $url := urlParse . -}}
{{- $parts := splitList "." $url.hostname -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) | int -}}
{{- if regexMatch "^[0-9.]+$" $url.hostname -}}
{{- $rules = append $rules (dict "cidr" (printf "%s/32" $url.hostname) "ports" (list $port)) -}}
{{- else if contains ":" $url.hostname -}}
{{- $rules = append $rules (dict "cidr" (printf "%s/128" $url.hostname) "ports" (list $port)) -}}
{{- else if or (eq (len $parts) 1) (eq (index (append (append $parts "") "") 2) "svc") -}}
{{- $namespace := ternary $.Release.Namespace (index (append $parts "") 1) (eq (len $parts) 1) -}}
{{- if not (has $namespace $namespaces) }}{{ $rules = append $rules (dict "namespace" $namespace) }}{{ end -}}
{{- else -}}
{{- $ports = append $ports $port -}}
{{- end -}}
{{- end -}}
{{- if not .Values.networkPolicy.egress -}}
{{- range list "0.0.0.0/0" "::/0" }}{{ $rules = append $rules (dict "cidr" . "ports" (uniq $ports)) }}{{ end -}}
{{- end -}}
{{- range uniq $rules }}
{{ include "nbgate-lib.egressRule" . }}
{{- end }}
{{- end -}}

{{/* What is everywhere but not public: the cluster, the site, the node, the cloud's metadata, and IPv4 by way of IPv6. */}}
{{- define "nbgate-lib.notPublic" -}}
"0.0.0.0/0":
  - 0.0.0.0/8
  - 10.0.0.0/8
  - 100.64.0.0/10
  - 127.0.0.0/8
  - 169.254.0.0/16
  - 172.16.0.0/12
  - 192.0.0.0/24
  - 192.168.0.0/16
  - 198.18.0.0/15
  - 224.0.0.0/3
"::/0":
  - ::/8
  - fc00::/7
  - fe80::/10
  - fec0::/10
  - ff00::/8
{{- end -}}

{{- define "nbgate-lib.egressRule" -}}
{{- $everywhere := include "nbgate-lib.notPublic" . | fromYaml -}}
{{- if .cidr -}}
- to:
    - ipBlock:
        cidr: {{ .cidr | quote }}
        {{- with hasKey . "except" | ternary .except (get $everywhere .cidr) }}
        except:
          {{- toYaml . | nindent 10 }}
        {{- end }}
{{- else -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .namespace | quote }}
      {{- with .podLabels }}
      podSelector:
        matchLabels:
          {{- toYaml . | nindent 10 }}
      {{- end }}
{{- end }}
  {{- with .ports }}
  ports:
    {{- range . }}
    - {port: {{ int64 . }}, protocol: TCP}
    {{- end }}
  {{- end }}
{{- end -}}
