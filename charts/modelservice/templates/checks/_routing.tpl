{{- /* modelservice.checkRouting: ports and sidecar. */ -}}
{{- define "modelservice.checkRouting" -}}
{{- $routing := .Values.routing }}
{{- $proxy := $routing.proxy }}
{{- include "epplib.checkPort" (list "routing.servicePort" $routing.servicePort) }}
{{- if $proxy.enabled }}
  {{- include "epplib.checkPort" (list "routing.proxy.targetPort" $proxy.targetPort) }}
  {{- if eq (int $routing.servicePort) (int $proxy.targetPort) }}
    {{- include "epplib.fail" (list "routing.proxy.targetPort" (printf "is %d, where the sidecar listens (routing.servicePort); write another port for the model server behind it" (int $proxy.targetPort))) }}
  {{- end }}
  {{- include "epplib.checkText" (list "routing.proxy.image" $proxy.image "^[^\\s]+$" "the full reference of an image, or routing.proxy.enabled: false") }}
  {{- include "epplib.checkText" (list "routing.proxy.connector" $proxy.connector "^[a-z0-9][-a-z0-9]*$" "the name of a connector, such as nixlv2") }}
  {{- include "epplib.checkChoice" (list "routing.proxy.imagePullPolicy" $proxy.imagePullPolicy (list "" "Always" "IfNotPresent" "Never")) }}
{{- end }}
{{- end }}

{{- /* modelservice.checkTracing: traces that somebody takes. */ -}}
{{- define "modelservice.checkTracing" -}}
{{- $tracing := .Values.tracing }}
{{- if $tracing.enabled }}
  {{- include "epplib.checkText" (list "tracing.otlpEndpoint" $tracing.otlpEndpoint "^https?://[^\\s]+$" "the URL of a collector, such as http://otel-collector:4317") }}
  {{- include "epplib.checkText" (list "tracing.sampling.samplerArg" $tracing.sampling.samplerArg "^(0(\\.[0-9]*)?|\\.[0-9]+|1(\\.0*)?)$" "a share from 0 to 1, such as 0.1") }}
{{- end }}
{{- end }}

{{- /* modelservice.checkObjects: what else the user wants made. */ -}}
{{- define "modelservice.checkObjects" -}}
{{- range $i, $object := .Values.extraObjects }}
  {{- if not (or (kindIs "map" $object) (kindIs "string" $object)) }}
    {{- include "epplib.fail" (list (printf "extraObjects[%d]" $i) (printf "%s is no object; write one as a map, or as a text after |" (toJson $object))) }}
  {{- end }}
{{- end }}
{{- end }}
