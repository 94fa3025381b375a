{{- /* epplib.clusterrole: may ask Kubernetes who reads the metrics, and read them; nothing where
it does not ask. */ -}}
{{- define "epplib.clusterrole" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.clusterRights" .) "true" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "epplib.clusterMetadata" (list . (include "epplib.clusterEpp" .)) | nindent 2 }}
rules:
  - apiGroups: [authentication.k8s.io]
    resources: [tokenreviews]
    verbs: [create]
  - apiGroups: [authorization.k8s.io]
    resources: [subjectaccessreviews]
    verbs: [create]
  - nonResourceURLs: [/metrics]
    verbs: [get]
{{- end }}
{{- end }}
