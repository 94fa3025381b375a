{{- /* epplib.gkesecretrole: may read the token. */ -}}
{{- define "epplib.gkesecretrole" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.gkeReadsWithToken" .) "true" -}}
{{- $reader := include "epplib.gkeReader" . -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-secret-read" $reader)) | nindent 2 }}
rules:
  - apiGroups: [""]
    resources: [secrets]
    resourceNames: [{{ $reader }}-secret]
    verbs: [get, list, watch]
{{- end }}
{{- end }}
