{{- /* epplib.servicemonitor: lets the Prometheus Operator read the metrics; nothing for GKE. */ -}}
{{- define "epplib.servicemonitor" -}}
{{- include "epplib.validate" . }}
{{- $monitoring := .Values.inferenceExtension.monitoring }}
{{- if eq (include "epplib.operatorMonitoring" .) "true" -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
{{- $metadata := include "epplib.metadata" (list . (printf "%s-monitor" (include "epplib.epp" .))) | fromYaml }}
{{- include "epplib.overlay" (list $metadata.labels (include "epplib.texts" $monitoring.prometheus.extraLabels | fromYaml)) }}
metadata:
  {{- toYaml $metadata | nindent 2 }}
spec:
  endpoints:
    - interval: {{ $monitoring.interval }}
      port: http-metrics
      path: /metrics
      {{- if $monitoring.prometheus.auth.enabled }}
      authorization:
        credentials:
          key: token
          name: {{ $monitoring.prometheus.auth.secretName | quote }}
      {{- end }}
  jobLabel: {{ include "epplib.epp" . }}
  namespaceSelector:
    matchNames:
      - {{ .Release.Namespace | quote }}
  selector:
    matchLabels:
      {{- include "epplib.identityLabels" . | nindent 6 }}
{{- end }}
{{- end }}
