{{- /* epplib.gkesecretrolebinding: Google's collector may read the token. */ -}}
{{- define "epplib.gkesecretrolebinding" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.gkeReadsWithToken" .) "true" -}}
{{- $collector := include "epplib.gkeCollectorNamespace" . -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "epplib.metadata" (list . (printf "%s:collector:%s-secret-read" $collector (include "epplib.gkeClusterReader" .))) | nindent 2 }}
subjects:
  - kind: ServiceAccount
    name: collector
    namespace: {{ $collector }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "epplib.gkeReader" . }}-secret-read
{{- end }}
{{- end }}
