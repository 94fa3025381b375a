{{- /* epplib.leaderrolebinding: the EPP has epplib.leaderrole. */ -}}
{{- define "epplib.leaderrolebinding" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.leaderElection" .) "true" -}}
{{- $name := printf "%s-leader-election" (include "epplib.epp" .) -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-binding" $name)) | nindent 2 }}
subjects:
  {{- include "epplib.subject" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
{{- end }}
{{- end }}
