{{- /* modelservice.validate: complete .Values and refuse what cannot work; whoever asks first does it for
all. Each template of an object asks, since Helm promises no order among files. */ -}}
{{- define "modelservice.validate" -}}
{{- if not (hasKey .Values "validated") }}
  {{- include "epplib.complete" . }}
  {{- include "epplib.checkRelease" . }}
  {{- include "modelservice.checkLegacy" . }}
  {{- include "modelservice.checkModel" . }}
  {{- include "modelservice.checkRouting" . }}
  {{- include "modelservice.checkTracing" . }}
  {{- include "modelservice.checkObjects" . }}
  {{- $root := . }}
  {{- range list "decode" "prefill" }}
    {{- include "modelservice.checkRole" (list $root .) }}
  {{- end }}
  {{- $_ := set .Values "validated" true }}
{{- end }}
{{- end }}
