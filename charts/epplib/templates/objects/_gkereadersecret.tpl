{{- /* epplib.gkereadersecret: the token of that ServiceAccount. */ -}}
{{- define "epplib.gkereadersecret" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.gkeReadsWithToken" .) "true" -}}
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-secret" (include "epplib.gkeReader" .))) | nindent 2 }}
  annotations:
    kubernetes.io/service-account.name: {{ include "epplib.gkeReader" . }}-sa
{{- end }}
{{- end }}
