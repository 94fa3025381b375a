{{- /* epplib.podmonitoring: lets Google Managed Prometheus read the metrics; nothing elsewhere. */ -}}
{{- define "epplib.podmonitoring" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.gkeMonitoring" .) "true" -}}
apiVersion: monitoring.googleapis.com/v1
kind: PodMonitoring
metadata:
  {{- include "epplib.metadata" (list . .Release.Name) | nindent 2 }}
spec:
  endpoints:
    - port: metrics
      scheme: http
      interval: {{ .Values.inferenceExtension.monitoring.interval }}
      path: /metrics
      {{- if eq (include "epplib.gkeReadsWithToken" .) "true" }}
      authorization:
        type: Bearer
        credentials:
          secret:
            name: {{ include "epplib.gkeReader" . }}-secret
            key: token
      {{- end }}
  selector:
    matchLabels:
      {{- include "epplib.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}
