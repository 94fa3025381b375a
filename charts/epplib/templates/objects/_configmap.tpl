{{- /* epplib.configmap: the plugin files. */ -}}
{{- define "epplib.configmap" -}}
{{- include "epplib.validate" . -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "epplib.metadata" (list . (include "epplib.epp" .)) | nindent 2 }}
data:
  {{- include "epplib.pluginFiles" . | nindent 2 }}
{{- end }}
