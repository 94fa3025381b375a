{{- /* epplib.service: the EPP's Service. Its own ports lead to container ports by name. */ -}}
{{- define "epplib.service" -}}
{{- include "epplib.validate" . }}
{{- $ext := .Values.inferenceExtension }}
apiVersion: v1
kind: Service
metadata:
  {{- include "epplib.metadata" (list . (include "epplib.epp" .)) | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "epplib.selectorLabels" . | nindent 4 }}
  ports:
    - name: grpc-ext-proc
      protocol: TCP
      port: {{ int $ext.extProcPort }}
      targetPort: grpc
    - name: http-metrics
      protocol: TCP
      port: {{ int $ext.metricsPort }}
      targetPort: metrics
    {{- with $ext.extraServicePorts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
