{{- /* epplib.warnings: what will surprise the user though it can be rendered, and where traces are seen, for
NOTES.txt. */ -}}
{{- define "epplib.warnings" -}}
{{- $ext := .Values.inferenceExtension }}
{{- $epp := include "epplib.eppTitle" . }}
{{- if and $ext.pluginsCustomConfig (not (hasKey $ext.pluginsCustomConfig $ext.pluginsConfigFile)) }}

WARNING: the Endpoint Picker reads {{ $ext.pluginsConfigFile }}, not {{ keys $ext.pluginsCustomConfig | sortAlpha | join " or " }}:
set inferenceExtension.pluginsConfigFile to choose that file.
{{- end }}
{{- if and $ext.latencyPredictor.enabled (ne (include "epplib.predicts" .) "true") }}

WARNING: the latency predictor runs, but the {{ $epp }} does not ask it: set inferenceExtension.image to
a Go EPP, or inferenceExtension.latencyPredictor.enabled=false.
{{- end }}
{{- if and .Values.jaeger.enabled (not $ext.tracing.enabled) }}

WARNING: Jaeger runs but gets no traces: set inferenceExtension.tracing.enabled=true.
{{- else if .Values.jaeger.enabled }}

Jaeger shows the traces on http://localhost:16686 after this:

  kubectl -n {{ .Release.Namespace }} port-forward service/{{ include "epplib.jaeger" . }}-query 16686:{{ int .Values.jaeger.query.service.port }}
{{- end }}
{{- if and $ext.tracing.enabled (eq (include "epplib.implementation" .) "python") }}

WARNING: the {{ $epp }} sends no traces yet: set inferenceExtension.image to a Go EPP to see some.
{{- end }}
{{- if and (eq (include "epplib.modelServerProtocol" .) "grpc") (not (include "epplib.parser" .)) }}

WARNING: the model servers speak gRPC, which the {{ $epp }} cannot read: take inferenceExtension.image.tag
v1.5.0 of the Go EPP.
{{- end }}
{{- end }}
