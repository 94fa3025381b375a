{{- /* epplib.healthcheckpolicy: how GKE's load balancer probes the model servers. */ -}}
{{- define "epplib.healthcheckpolicy" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.provider" .) "gke" -}}
{{- $port := include "epplib.targetPorts" . | fromJsonArray | first -}}
apiVersion: networking.gke.io/v1
kind: HealthCheckPolicy
metadata:
  {{- include "epplib.metadata" (list . .Release.Name) | nindent 2 }}
spec:
  targetRef:
    {{- include "epplib.poolTarget" . | nindent 4 }}
  default:
    timeoutSec: 2
    checkIntervalSec: 2
    config:
      {{- if eq (include "epplib.modelServerProtocol" .) "grpc" }}
      type: GRPC
      grpcHealthCheck:
        portSpecification: USE_FIXED_PORT
        port: {{ $port }}
        {{- if eq (include "epplib.modelServerType" .) "vllm" }}
        grpcServiceName: /vllm.grpc.engine.VllmEngine/HealthCheck
        {{- end }}
      {{- else }}
      type: HTTP
      httpHealthCheck:
        requestPath: /health
        port: {{ $port }}
      {{- end }}
{{- end }}
{{- end }}
