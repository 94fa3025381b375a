{{- /* modelservice.sidecar: llm-d's routing sidecar as YAML. It starts before the model server and ends
after it. */ -}}
{{- define "modelservice.sidecar" -}}
{{- $routing := .Values.routing -}}
{{- $proxy := $routing.proxy -}}
name: routing-proxy
image: {{ $proxy.image | quote }}
{{- with $proxy.imagePullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
restartPolicy: Always
args:
  - --port={{ int $routing.servicePort }}
  - --vllm-port={{ int $proxy.targetPort }}
  - {{ printf "--connector=%s" $proxy.connector | quote }}
  - --secure-proxy={{ $proxy.secure }}
  {{- if not (kindIs "invalid" $proxy.prefillerUseTLS) }}
  - --prefiller-use-tls={{ $proxy.prefillerUseTLS }}
  {{- end }}
  {{- range $flag, $value := dict "cert-path" $proxy.certPath "v" $proxy.debugLevel "zap-encoder" $proxy.zapEncoder
      "zap-log-level" $proxy.zapLogLevel "zap-devel" $proxy.zapDevel "zap-stacktrace-level" $proxy.zapStacktraceLevel
      "zap-time-encoding" $proxy.zapTimeEncoding }}
  {{- with include "epplib.text" $value }}
  - {{ printf "--%s=%s" $flag . | quote }}
  {{- end }}
  {{- end }}
{{- if .Values.tracing.enabled }}
env:
  {{- include "modelservice.tracing" (list . .Values.tracing.serviceNames.routingProxy) | nindent 2 }}
{{- end }}
ports:
  - name: proxy
    containerPort: {{ int $routing.servicePort }}
    protocol: TCP
readinessProbe:
  tcpSocket: {port: {{ int $routing.servicePort }}}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 3
securityContext:
  {{- include "modelservice.securityContext" dict | nindent 2 }}
{{- end }}
