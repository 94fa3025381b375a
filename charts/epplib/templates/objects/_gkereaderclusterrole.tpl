{{- /* epplib.gkereaderclusterrole: may read the metrics. */ -}}
{{- define "epplib.gkereaderclusterrole" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.gkeReadsWithToken" .) "true" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "epplib.clusterMetadata" (list . (include "epplib.gkeClusterReader" .)) | nindent 2 }}
rules:
  - nonResourceURLs: [/metrics]
    verbs: [get]
{{- end }}
{{- end }}
