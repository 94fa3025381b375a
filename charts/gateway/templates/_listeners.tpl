{{- /* gateway.listeners: the listeners as the Gateway API has them, as a YAML list. Charts had a path beside
them and the host name below tls. */ -}}
{{- define "gateway.listeners" -}}
{{- $listeners := list }}
{{- range $i, $given := .Values.gateway.listeners }}
  {{- $listener := include "epplib.known" (omit $given "path" "pathType" "tls") | fromYaml }}
  {{- $tls := include "epplib.known" (default dict $given.tls) | fromYaml }}
  {{- with $tls.hostname }}
    {{- $listener = merge $listener (dict "hostname" .) }}
  {{- end }}
  {{- with omit $tls "hostname" }}
    {{- $_ := set $listener "tls" . }}
  {{- end }}
  {{- $listeners = append $listeners (merge $listener (dict "name" "default")) }}
{{- end }}
{{- toYaml $listeners }}
{{- end }}
