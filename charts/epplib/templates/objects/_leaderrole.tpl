{{- /* epplib.leaderrole: may hold the Lease of the leader; nothing when all pods serve. */ -}}
{{- define "epplib.leaderrole" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.leaderElection" .) "true" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-leader-election" (include "epplib.epp" .))) | nindent 2 }}
rules:
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    {{- if eq (include "epplib.implementation" .) "go" }}
    verbs: [get, list, watch, create, update, patch, delete]
  - apiGroups: [""]
    resources: [events]
    verbs: [create, patch]
    {{- else }}
    verbs: [get, list, watch, create, update]
  - apiGroups: [""]
    resources: [events]
    verbs: [create]
    {{- end }}
{{- end }}
{{- end }}
