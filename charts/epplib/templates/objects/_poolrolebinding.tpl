{{- /* epplib.poolrolebinding: the EPP has epplib.poolrole. */ -}}
{{- define "epplib.poolrolebinding" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.mode" .) "pool" -}}
{{- $name := printf "%s-non-sa" (include "epplib.epp" .) -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "epplib.metadata" (list . $name) | nindent 2 }}
subjects:
  {{- include "epplib.subject" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
{{- end }}
{{- end }}
