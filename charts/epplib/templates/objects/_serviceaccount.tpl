{{- /* epplib.serviceaccount: who the EPP is for the API server. */ -}}
{{- define "epplib.serviceaccount" -}}
{{- include "epplib.validate" . -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "epplib.metadata" (list . (include "epplib.epp" .)) | nindent 2 }}
{{- end }}
