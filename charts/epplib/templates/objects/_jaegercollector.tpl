{{- /* epplib.jaegercollector: the Service that takes spans. */ -}}
{{- define "epplib.jaegercollector" -}}
{{- include "epplib.validate" . }}
{{- if .Values.jaeger.enabled -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "epplib.jaegerMetadata" (list . (printf "%s-collector" (include "epplib.jaeger" .)) "service-collector") | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "epplib.jaegerSelector" . | nindent 4 }}
  ports:
    - name: otlp-grpc
      port: {{ int .Values.jaeger.collector.service.otlp.grpc.port }}
      targetPort: otlp-grpc
    - name: otlp-http
      port: 4318
      targetPort: otlp-http
    - name: http-zipkin
      port: 9411
      targetPort: zipkin
    - name: grpc-http
      port: 14250
      targetPort: grpc
    - name: c-tchan-trft
      port: 14267
      targetPort: c-tchan-trft
    - name: http-c-binary-trft
      port: 14268
      targetPort: http
{{- end }}
{{- end }}
