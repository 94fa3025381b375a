{{- /* epplib.poolrole: may read the Inference APIs of the namespace; nothing without them. */ -}}
{{- define "epplib.poolrole" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.mode" .) "pool" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-non-sa" (include "epplib.epp" .))) | nindent 2 }}
rules:
  - apiGroups: [inference.networking.x-k8s.io]
    resources: [inferenceobjectives, inferencemodelrewrites]
    verbs: [{{ include "epplib.readVerbs" . }}]
  {{- if eq (include "epplib.llmd" .) "true" }}
  - apiGroups: [llm-d.ai]
    resources: [inferenceobjectives, inferencemodelrewrites]
    verbs: [{{ include "epplib.readVerbs" . }}]
  {{- end }}
  - apiGroups: [{{ include "epplib.poolGroup" . }}]
    resources: [inferencepools]
    verbs: [{{ include "epplib.readVerbs" . }}]
{{- end }}
{{- end }}
