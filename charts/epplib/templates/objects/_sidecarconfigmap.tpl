{{- /* epplib.sidecarconfigmap: the files of the sidecar; nothing when it is off or has none. */ -}}
{{- define "epplib.sidecarconfigmap" -}}
{{- include "epplib.validate" . -}}
{{- $sidecar := include "epplib.sidecar" . | fromYaml }}
{{- with $sidecar.configMap }}
{{- if .data -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "epplib.metadata" (list $ .name) | nindent 2 }}
data:
  {{- include "epplib.texts" .data | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
