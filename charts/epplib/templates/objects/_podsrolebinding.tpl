{{- /* epplib.podsrolebinding: the EPP has epplib.podsrole. */ -}}
{{- define "epplib.podsrolebinding" -}}
{{- include "epplib.validate" . -}}
{{- $name := printf "%s-sa" (include "epplib.epp" .) -}}
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
