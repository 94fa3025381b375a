{{- /* epplib.predictionconfigmap: the environment of the latency predictor's prediction servers. */ -}}
{{- define "epplib.predictionconfigmap" -}}
{{- include "epplib.validate" . }}
{{- $predictor := .Values.inferenceExtension.latencyPredictor }}
{{- if $predictor.enabled -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-latency-predictor-prediction" (include "epplib.epp" .))) | nindent 2 }}
{{- with include "epplib.texts" $predictor.predictionServers.config }}
data:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
