{{- /* epplib.clusterrole: may ask Kubernetes who reads the metrics, and read them itself; nothing where
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
  {{- /* Its own token is what gaiectl shows it, to read what it knows of its endpoints. */}}
  - nonResourceURLs: {{ ternary "[/metrics, /debug/state]" "[/metrics]" (eq (include "epplib.implementation" .) "python") }}
    verbs: [get]
{{- end }}
{{- end }}
