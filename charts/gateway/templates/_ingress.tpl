{{- /* gateway.hasIngress: true where an Ingress is wanted and the Gateway's Service is one for it. */ -}}
{{- define "gateway.hasIngress" -}}
{{ and .Values.gateway.enabled .Values.ingress.enabled (ne (include "gateway.provider" .) "gke") (eq (include "gateway.serviceType" .) "ClusterIP") }}
{{- end }}

{{- /* gateway.ingressPath (list root path type port): a path of a rule that leads to the Gateway. */ -}}
{{- define "gateway.ingressPath" -}}
path: {{ default (index . 0).Values.ingress.path (index . 1) | default "/" | quote }}
pathType: {{ default "Prefix" (index . 2) }}
backend:
  service:
    name: {{ include "gateway.serviceName" (index . 0) }}
    port:
      number: {{ int (index . 3) }}
{{- end }}

{{- /* gateway.ingressListeners: the listeners that an Ingress may lead to, as a JSON list: it speaks HTTP to
them. */ -}}
{{- define "gateway.ingressListeners" -}}
{{- $listeners := list }}
{{- range .Values.gateway.listeners }}
  {{- if eq .protocol "HTTP" }}
    {{- $listeners = append $listeners . }}
  {{- end }}
{{- end }}
{{- toJson $listeners }}
{{- end }}

{{- /* gateway.ingressRules: a rule for the host, whose paths lead to the listeners, and one for each of the
others, as a YAML list. Of listeners with one path the first has it. */ -}}
{{- define "gateway.ingressRules" -}}
{{- $root := . }}
{{- $ingress := .Values.ingress }}
{{- $listeners := include "gateway.ingressListeners" . | fromJsonArray }}
{{- $paths := dict }}
{{- $ordered := list }}
{{- range $listeners }}
  {{- $path := include "gateway.ingressPath" (list $root .path .pathType .port) | fromYaml }}
  {{- if not (hasKey $paths $path.path) }}
    {{- $_ := set $paths $path.path true }}
    {{- $ordered = append $ordered $path }}
  {{- end }}
{{- end }}
{{- $rule := dict "http" (dict "paths" $ordered) }}
{{- with tpl $ingress.host . }}
  {{- $_ := set $rule "host" . }}
{{- end }}
{{- $rules := list $rule }}
{{- range $ingress.extraHosts }}
  {{- $path := include "gateway.ingressPath" (list $root .path .pathType (default (first $listeners).port .port)) | fromYaml }}
  {{- $rule := dict "http" (dict "paths" (list $path)) }}
  {{- with .name }}
    {{- $_ := set $rule "host" (tpl . $root) }}
  {{- end }}
  {{- $rules = append $rules $rule }}
{{- end }}
{{- with $ingress.rules }}
  {{- $rules = concat $rules (include "gateway.rendered" (list $root .) | fromYamlArray) }}
{{- end }}
{{- toYaml $rules }}
{{- end }}

{{- /* gateway.ingressTls: the Ingress' tls, as a YAML list; nothing where there is none. */ -}}
{{- define "gateway.ingressTls" -}}
{{- $ingress := .Values.ingress }}
{{- $entries := list }}
{{- if $ingress.tls.enabled }}
  {{- $entry := dict "hosts" (list (tpl $ingress.host .)) }}
  {{- with tpl $ingress.tls.secretName . }}
    {{- $_ := set $entry "secretName" . }}
  {{- end }}
  {{- $entries = append $entries $entry }}
{{- end }}
{{- with $ingress.extraTls }}
  {{- $entries = concat $entries (include "gateway.rendered" (list $ .) | fromYamlArray) }}
{{- end }}
{{- with $entries }}{{ toYaml . }}{{ end }}
{{- end }}
