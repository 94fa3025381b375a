{{- /* epplib.gkereaderserviceaccount: who Google's collector is for the EPP. */ -}}
{{- define "epplib.gkereaderserviceaccount" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.gkeReadsWithToken" .) "true" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-sa" (include "epplib.gkeReader" .))) | nindent 2 }}
{{- end }}
{{- end }}
