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
    {{- with include "epplib.extraServicePorts" . | fromYamlArray }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- /* epplib.extraServicePorts: more ports of the Service, as YAML. http is that of standalone's proxy, and
leads nowhere without it. */ -}}
{{- define "epplib.extraServicePorts" -}}
{{- $sidecar := .Values.inferenceExtension.sidecar }}
{{- $ports := list }}
{{- range .Values.inferenceExtension.extraServicePorts }}
  {{- if not (and $sidecar.proxyType (not $sidecar.enabled) (eq (toString .name) "http")) }}
    {{- $ports = append $ports . }}
  {{- end }}
{{- end }}
{{- toYaml $ports }}
{{- end }}
