{{- /* epplib.inferencepool: the pool of model servers; nothing without Inference APIs. */ -}}
{{- define "epplib.inferencepool" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.mode" .) "pool" -}}
{{- $ext := .Values.inferenceExtension -}}
{{- $pool := .Values.inferencePool -}}
{{- $ports := include "epplib.targetPorts" . | fromJsonArray -}}
apiVersion: {{ $pool.apiVersion }}
kind: InferencePool
metadata:
  {{- include "epplib.metadata" (list . .Release.Name) | nindent 2 }}
spec:
  {{- if eq (include "epplib.poolGroup" .) "inference.networking.x-k8s.io" }}
  targetPortNumber: {{ first $ports }}
  selector:
    {{- include "epplib.texts" $pool.modelServers.matchLabels | nindent 4 }}
  extensionRef:
    name: {{ include "epplib.epp" . }}
    portNumber: {{ int $ext.extProcPort }}
    failureMode: {{ default "FailOpen" $ext.failureMode }}
  {{- else }}
  targetPorts:
    {{- range $ports }}
    - number: {{ . }}
    {{- end }}
  {{- /* http is the API's default, and releases before v1.4 do not know the field. */}}
  {{- if eq (include "epplib.modelServerProtocol" .) "grpc" }}
  appProtocol: kubernetes.io/h2c
  {{- end }}
  selector:
    matchLabels:
      {{- include "epplib.texts" $pool.modelServers.matchLabels | nindent 6 }}
  endpointPickerRef:
    name: {{ include "epplib.epp" . }}
    port:
      number: {{ int $ext.extProcPort }}
    failureMode: {{ default "FailOpen" $ext.failureMode }}
  {{- end }}
{{- end }}
{{- end }}
