{{- /* epplib.podsrole: may read the pods of the namespace. */ -}}
{{- define "epplib.podsrole" -}}
{{- include "epplib.validate" . -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-sa" (include "epplib.epp" .))) | nindent 2 }}
rules:
  - apiGroups: [""]
    resources: [pods]
    verbs: [get, watch, list]
{{- end }}
