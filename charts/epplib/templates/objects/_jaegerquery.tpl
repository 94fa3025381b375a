{{- /* epplib.jaegerquery: the Service of Jaeger's web interface. */ -}}
{{- define "epplib.jaegerquery" -}}
{{- include "epplib.validate" . }}
{{- $service := .Values.jaeger.query.service }}
{{- if .Values.jaeger.enabled -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "epplib.jaegerMetadata" (list . (printf "%s-query" (include "epplib.jaeger" .)) "service-query") | nindent 2 }}
spec:
  type: {{ $service.type }}
  selector:
    {{- include "epplib.jaegerSelector" . | nindent 4 }}
  ports:
    - name: http-query
      port: {{ int $service.port }}
      targetPort: query
    - name: grpc-query
      port: 16685
      targetPort: query-grpc
{{- end }}
{{- end }}
