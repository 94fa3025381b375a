{{- /* epplib.checkObservation: metrics and traces. */ -}}
{{- define "epplib.checkObservation" -}}
{{- $monitoring := .Values.inferenceExtension.monitoring }}
{{- include "epplib.checkText" (list "inferenceExtension.monitoring.interval" $monitoring.interval "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$" "a duration such as 10s or 1m30s") }}
{{- if not $monitoring.interval }}
  {{- include "epplib.fail" (list "inferenceExtension.monitoring.interval" "is empty; write a duration such as 10s") }}
{{- end }}
{{- include "epplib.checkLabels" (list "inferenceExtension.monitoring.prometheus.extraLabels" $monitoring.prometheus.extraLabels) }}
{{- if and (eq (include "epplib.operatorMonitoring" .) "true") $monitoring.prometheus.auth.enabled }}
  {{- include "epplib.checkText" (list "inferenceExtension.monitoring.prometheus.auth.secretName" $monitoring.prometheus.auth.secretName "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$" "lower-case letters, digits, - and .") }}
{{- end }}
{{- $tracing := .Values.inferenceExtension.tracing }}
{{- if $tracing.enabled }}
  {{- if ne $tracing.sampling.sampler "parentbased_traceidratio" }}
    {{- include "epplib.fail" (list "inferenceExtension.tracing.sampling.sampler" (printf "the EPP has no sampler %q; write parentbased_traceidratio, the only one" $tracing.sampling.sampler)) }}
  {{- end }}
  {{- include "epplib.checkText" (list "inferenceExtension.tracing.sampling.samplerArg" $tracing.sampling.samplerArg "^(0(\\.[0-9]*)?|\\.[0-9]+|1(\\.0*)?)$" "a share from 0 to 1, such as 0.1") }}
  {{- if not .Values.jaeger.enabled }}
    {{- include "epplib.checkText" (list "inferenceExtension.tracing.otelExporterEndpoint" $tracing.otelExporterEndpoint "^https?://[^\\s]+$" "the URL of a collector, such as http://otel-collector:4317") }}
  {{- end }}
{{- end }}
{{- include "epplib.checkJaeger" . }}
{{- end }}

{{- /* epplib.checkJaeger: the in-tree Jaeger. */ -}}
{{- define "epplib.checkJaeger" -}}
{{- $jaeger := .Values.jaeger }}
{{- if $jaeger.enabled }}
  {{- if not $jaeger.allInOne.enabled }}
    {{- include "epplib.fail" (list "jaeger.allInOne.enabled" "there is no other Jaeger in this chart than all-in-one; write true, or jaeger.enabled=false and inferenceExtension.tracing.otelExporterEndpoint") }}
  {{- end }}
  {{- include "epplib.checkPort" (list "jaeger.query.service.port" $jaeger.query.service.port) }}
  {{- include "epplib.checkPort" (list "jaeger.collector.service.otlp.grpc.port" $jaeger.collector.service.otlp.grpc.port) }}
  {{- include "epplib.checkFree" (list "jaeger.query.service.port" (int $jaeger.query.service.port) (dict "16685" "the same Service")) }}
  {{- $taken := dict }}
  {{- range list 4318 9411 14250 14267 14268 }}
    {{- $_ := set $taken (toString .) "the same Service" }}
  {{- end }}
  {{- include "epplib.checkFree" (list "jaeger.collector.service.otlp.grpc.port" (int $jaeger.collector.service.otlp.grpc.port) $taken) }}
  {{- include "epplib.checkChoice" (list "jaeger.query.service.type" $jaeger.query.service.type (list "ClusterIP" "NodePort" "LoadBalancer")) }}
{{- end }}
{{- end }}
