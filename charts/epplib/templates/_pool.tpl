{{- /* epplib.poolGroup: the API group of the InferencePool. */ -}}
{{- define "epplib.poolGroup" -}}
{{ .Values.inferencePool.apiVersion | splitList "/" | first }}
{{- end }}

{{- /* epplib.targetPorts: the ports of the model servers' pods, as a JSON list of numbers. */ -}}
{{- define "epplib.targetPorts" -}}
{{- $ports := list }}
{{- if eq (include "epplib.mode" .) "selector" }}
  {{- $given := .Values.inferenceExtension.endpointsServer.targetPorts }}
  {{- $entries := $given }}
  {{- if not (kindIs "slice" $given) }}
    {{- $entries = include "epplib.text" $given | splitList "," }}
  {{- end }}
  {{- range $entries }}
    {{- $ports = append $ports (include "epplib.text" . | trim | int) }}
  {{- end }}
{{- else }}
  {{- $pool := .Values.inferencePool }}
  {{- range $pool.targetPorts }}
    {{- $ports = append $ports (int .number) }}
  {{- end }}
  {{- /* Guides name one of the two; the one that is still at its default does not count. */}}
  {{- $one := int $pool.targetPortNumber }}
  {{- if and (ne $one 8000) (or (eq (include "epplib.poolGroup" .) "inference.networking.x-k8s.io") (eq (toJson $ports) "[8000]")) }}
    {{- $ports = list $one }}
  {{- end }}
{{- end }}
{{- toJson $ports }}
{{- end }}

{{- /* epplib.modelServerType: the model server whose metrics the EPP reads. */ -}}
{{- define "epplib.modelServerType" -}}
{{- $from := ternary .Values.inferenceExtension.endpointsServer .Values.inferencePool (eq (include "epplib.mode" .) "selector") -}}
{{ $from.modelServerType }}
{{- end }}

{{- /* epplib.modelServerProtocol: http or grpc. */ -}}
{{- define "epplib.modelServerProtocol" -}}
{{- $from := ternary .Values.inferenceExtension.endpointsServer .Values.inferencePool (eq (include "epplib.mode" .) "selector") -}}
{{ $from.modelServerProtocol }}
{{- end }}

{{- /* epplib.provider: the gateway's implementation in lower case; none where none is named. */ -}}
{{- define "epplib.provider" -}}
{{ lower .Values.provider.name | default "none" }}
{{- end }}

{{- /* epplib.podSelector: the labels of the model servers' pods, as key=value,key=value. */ -}}
{{- define "epplib.podSelector" -}}
{{- if eq (include "epplib.mode" .) "selector" -}}
{{ .Values.inferenceExtension.endpointsServer.endpointSelector }}
{{- else -}}
{{- $labels := list }}
{{- range $key, $value := include "epplib.texts" .Values.inferencePool.modelServers.matchLabels | fromYaml }}
  {{- $labels = append $labels (printf "%s=%s" $key $value) }}
{{- end }}
{{- join "," $labels }}
{{- end }}
{{- end }}
