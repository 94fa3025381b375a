{{- /* modelservice.checkLegacy: objects that llm-d-modelservice once made and that others make now. Switched
off they are accepted, because upstream's files say so. */ -}}
{{- define "modelservice.checkLegacy" -}}
{{- $elsewhere := dict
  "inferencePool" "the chart inferencepool makes the InferencePool"
  "inferenceModel" "InferenceObjectives and InferenceModelRewrites have replaced InferenceModels"
  "httpRoute" "the HTTPRoute stands beside the Gateway, or is made by the chart inferencepool with experimentalHttpRoute.enabled=true"
  "epp" "the chart inferencepool makes the Endpoint Picker" }}
{{- range $name, $who := $elsewhere }}
  {{- $value := (get $.Values.routing $name).create }}
  {{- if eq (include "epplib.text" $value) "true" }}
    {{- include "epplib.fail" (list (printf "routing.%s.create" $name) (printf "is true, but %s; write false or nothing" $who)) }}
  {{- end }}
{{- end }}
{{- if eq (include "epplib.text" .Values.requester.enable) "true" }}
  {{- include "epplib.fail" (list "requester.enable" "is true, but this chart makes no dual pods; write false or nothing") }}
{{- end }}
{{- end }}
