{{- define "epplib.checkRelease" -}}{{- end }}
{{- define "epplib.checkPool" -}}{{- end }}
{{- define "epplib.checkFlags" -}}{{- end }}
{{- define "epplib.checkPorts" -}}{{- end }}
{{- define "epplib.checkEpp" -}}{{- end }}
{{- define "epplib.checkProvider" -}}{{- end }}
{{- define "epplib.checkObservation" -}}{{- end }}
