{{- /* epplib.gcpbackendpolicy: timeout and log of GKE's load balancer for the pool. */ -}}
{{- define "epplib.gcpbackendpolicy" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.provider" .) "gke" -}}
apiVersion: networking.gke.io/v1
kind: GCPBackendPolicy
metadata:
  {{- include "epplib.metadata" (list . .Release.Name) | nindent 2 }}
spec:
  targetRef:
    {{- include "epplib.poolTarget" . | nindent 4 }}
  default:
    timeoutSec: 300
    logging:
      enabled: true
{{- end }}
{{- end }}
