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
    verbs: [{{ include "epplib.readVerbs" . }}]
{{- end }}

{{- /* epplib.readVerbs: what it takes to follow objects. Go's clients may get single ones, too. */ -}}
{{- define "epplib.readVerbs" -}}
{{ ternary "get, watch, list" "list, watch" (eq (include "epplib.implementation" .) "go") }}
{{- end }}
