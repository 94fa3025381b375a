{{- /* modelservice.created (list root role): true where the role has pods. */ -}}
{{- define "modelservice.created" -}}
{{- $values := get (index . 0).Values (index . 1) -}}
{{- if kindIs "invalid" $values.create -}}
{{ or (gt (int $values.replicas) 0) $values.autoscaling.enabled }}
{{- else -}}
{{ eq (toString $values.create) "true" }}
{{- end }}
{{- end }}

{{- /* modelservice.proxied (list root role): true where a sidecar stands before the model server. */ -}}
{{- define "modelservice.proxied" -}}
{{ and (eq (index . 1) "decode") (index . 0).Values.routing.proxy.enabled }}
{{- end }}

{{- /* modelservice.port (list root role): the port that the model server listens on. */ -}}
{{- define "modelservice.port" -}}
{{- $routing := (index . 0).Values.routing -}}
{{ ternary $routing.proxy.targetPort $routing.servicePort (eq (include "modelservice.proxied" .) "true") | int }}
{{- end }}

{{- /* modelservice.command (container): vllmServe, imageDefault or custom. */ -}}
{{- define "modelservice.command" -}}
{{ .modelCommand | default "custom" }}
{{- end }}

{{- /* modelservice.serves (list index container): true for a model server, which is the first container
and every other one that says how it is one. */ -}}
{{- define "modelservice.serves" -}}
{{ or (eq (int (index . 0)) 0) (not (empty (index . 1).modelCommand)) }}
{{- end }}

{{- /* modelservice.flag (list arguments names...): the last value that arguments give to a flag, under any
of its names, or nothing. */ -}}
{{- define "modelservice.flag" -}}
{{- $found := "" -}}
{{- $names := rest . -}}
{{- $words := list -}}
{{- range first . }}{{ $words = append $words (include "epplib.text" .) }}{{ end -}}
{{- range $i, $word := $words }}
  {{- range $names }}
    {{- if and (eq $word .) (lt (add $i 1 | int) (len $words)) }}
      {{- $found = index $words (add $i 1 | int) }}
    {{- else if hasPrefix (printf "%s=" .) $word }}
      {{- $found = trimPrefix (printf "%s=" .) $word }}
    {{- end }}
  {{- end }}
{{- end -}}
{{ $found }}
{{- end }}
