{{- /* epplib.inferenceobjectives: one InferenceObjective of the pool for each entry. */ -}}
{{- define "epplib.inferenceobjectives" -}}
{{- include "epplib.validate" . }}
{{- range .Values.inferenceObjectives }}
---
apiVersion: inference.networking.x-k8s.io/v1alpha2
kind: InferenceObjective
metadata:
  {{- include "epplib.metadata" (list $ .name) | nindent 2 }}
spec:
  {{- if not (kindIs "invalid" .priority) }}
  priority: {{ int .priority }}
  {{- end }}
  poolRef:
    group: {{ include "epplib.poolGroup" $ }}
    kind: InferencePool
    name: {{ $.Release.Name | quote }}
{{- end }}
{{- end }}
