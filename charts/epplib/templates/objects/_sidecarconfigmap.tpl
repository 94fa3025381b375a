{{- /* epplib.sidecarconfigmap: the files of the sidecar; nothing when it is off or has none. */ -}}
{{- define "epplib.sidecarconfigmap" -}}
{{- include "epplib.validate" . -}}
{{- with include "epplib.sidecarFiles" . -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "epplib.metadata" (list $ (include "epplib.sidecarConfigMap" $)) | nindent 2 }}
data:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
