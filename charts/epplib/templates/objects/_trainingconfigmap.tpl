{{- /* epplib.trainingconfigmap: the environment of the latency predictor's training server. */ -}}
{{- define "epplib.trainingconfigmap" -}}
{{- include "epplib.validate" . }}
{{- $predictor := .Values.inferenceExtension.latencyPredictor }}
{{- if $predictor.enabled -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "epplib.metadata" (list . (printf "%s-latency-predictor-training" (include "epplib.epp" .))) | nindent 2 }}
{{- with include "epplib.texts" $predictor.trainingServer.config }}
data:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
