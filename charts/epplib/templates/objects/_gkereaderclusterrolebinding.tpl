{{- /* epplib.gkereaderclusterrolebinding: that ServiceAccount has that ClusterRole. */ -}}
{{- define "epplib.gkereaderclusterrolebinding" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.gkeReadsWithToken" .) "true" -}}
{{- $name := include "epplib.gkeClusterReader" . -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "epplib.clusterMetadata" (list . (printf "%s-role-binding" $name)) | nindent 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "epplib.gkeReader" . }}-sa
    namespace: {{ .Release.Namespace | quote }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $name }}
{{- end }}
{{- end }}
