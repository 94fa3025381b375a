{{- /* epplib.validate: complete .Values and refuse what cannot work; whoever asks first does it for
all. Each template of an object asks, since Helm promises no order among files. */ -}}
{{- define "epplib.validate" -}}
{{- if not (hasKey .Values "validated") }}
  {{- include "epplib.complete" . }}
  {{- include "epplib.checkRelease" . }}
  {{- include "epplib.checkPool" . }}
  {{- include "epplib.checkFlags" . }}
  {{- include "epplib.checkEpp" . }}
  {{- include "epplib.checkPorts" . }}
  {{- include "epplib.checkProvider" . }}
  {{- include "epplib.checkObservation" . }}
  {{- $_ := set .Values "validated" true }}
{{- end }}
{{- end }}
