{{- /* epplib.metricssecret: the token that the Prometheus Operator reads the metrics with; nothing where
it needs none. */ -}}
{{- define "epplib.metricssecret" -}}
{{- include "epplib.validate" . }}
{{- $auth := .Values.inferenceExtension.monitoring.prometheus.auth }}
{{- if and (eq (include "epplib.operatorMonitoring" .) "true") $auth.enabled -}}
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata:
  {{- include "epplib.metadata" (list . $auth.secretName) | nindent 2 }}
  annotations:
    kubernetes.io/service-account.name: {{ include "epplib.epp" . }}
{{- end }}
{{- end }}
