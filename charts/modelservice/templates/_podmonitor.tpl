{{- /* modelservice.podmonitor (list root role): lets the Prometheus Operator read the metrics. */ -}}
{{- define "modelservice.podmonitor" -}}
{{- $root := index . 0 }}
{{- include "modelservice.validate" $root }}
{{- $monitor := (get $root.Values (index . 1)).monitoring.podmonitor }}
{{- if and $monitor.enabled (eq (include "modelservice.created" .) "true") -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
{{- $metadata := include "modelservice.metadata" (list $root (printf "%s-podmonitor" (include "modelservice.workload" .))) | fromYaml }}
{{- include "epplib.overlay" (list $metadata.labels (include "epplib.texts" $monitor.labels | fromYaml)) }}
{{- with include "epplib.texts" $monitor.annotations | fromYaml }}
  {{- $_ := set $metadata "annotations" . }}
{{- end }}
metadata:
  {{- toYaml $metadata | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "modelservice.selectorLabels" . | nindent 6 }}
  {{- with $monitor.namespaceSelector }}
  namespaceSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  podMetricsEndpoints:
    - port: {{ $monitor.portName | quote }}
      path: {{ $monitor.path | quote }}
      interval: {{ $monitor.interval }}
      {{- with $monitor.scrapeTimeout }}
      scrapeTimeout: {{ . }}
      {{- end }}
      {{- with $monitor.relabelings }}
      relabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $monitor.metricRelabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end }}
