{{- /* epplib.clusterrolebinding: the EPP has epplib.clusterrole. */ -}}
{{- define "epplib.clusterrolebinding" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.clusterRights" .) "true" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "epplib.clusterMetadata" (list . (include "epplib.clusterEpp" .)) | nindent 2 }}
subjects:
  {{- include "epplib.subject" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "epplib.clusterEpp" . }}
{{- end }}
{{- end }}
