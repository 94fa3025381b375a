{{- /* epplib.checkProvider: the gateway and what is attached to it. */ -}}
{{- define "epplib.checkProvider" -}}
{{- include "epplib.checkChoice" (list "provider.name" (lower .Values.provider.name) (list "" "none" "gke" "istio" "kgateway" "agentgateway" "envoy-gateway" "nginx")) }}
{{- with .Values.experimentalHttpRoute }}
  {{- include "epplib.checkText" (list "experimentalHttpRoute.requestTimeout" .requestTimeout "^(([0-9]{1,5}(h|m|s|ms)){1,4})?$" "a duration such as 300s or 1m30s") }}
{{- end }}
{{- include "epplib.checkMaps" (list "inferenceObjectives" .Values.inferenceObjectives) }}
{{- $names := dict }}
{{- range $i, $objective := .Values.inferenceObjectives }}
  {{- $at := printf "inferenceObjectives[%d]" $i }}
  {{- include "epplib.checkText" (list (printf "%s.name" $at) $objective.name "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$" "lower-case letters, digits, - and .") }}
  {{- include "epplib.checkFree" (list (printf "%s.name" $at) $objective.name $names) }}
  {{- include "epplib.checkText" (list (printf "%s.priority" $at) $objective.priority "^(-?[0-9]{1,10})?$" "a whole number") }}
{{- end }}
{{- end }}
