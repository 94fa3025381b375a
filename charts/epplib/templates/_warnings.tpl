{{- /* epplib.warnings: what will surprise the user though it can be rendered, and where traces are seen, for
NOTES.txt. */ -}}
{{- define "epplib.warnings" -}}
{{- $ext := .Values.inferenceExtension }}
{{- $epp := include "epplib.eppTitle" . }}
{{- if and $ext.pluginsCustomConfig (not (hasKey $ext.pluginsCustomConfig $ext.pluginsConfigFile)) }}

WARNING: the Endpoint Picker reads {{ $ext.pluginsConfigFile }}, not {{ keys $ext.pluginsCustomConfig | sortAlpha | join " or " }}:
set inferenceExtension.pluginsConfigFile to choose that file.
{{- end }}
{{- if and .Values.jaeger.enabled (not $ext.tracing.enabled) }}

WARNING: Jaeger runs but gets no traces: set inferenceExtension.tracing.enabled=true.
{{- else if .Values.jaeger.enabled }}

Jaeger shows the traces on http://localhost:16686 after this:

  kubectl -n {{ .Release.Namespace }} port-forward service/{{ include "epplib.jaeger" . }}-query 16686:{{ int .Values.jaeger.query.service.port }}
{{- end }}
{{- if and (eq (include "epplib.modelServerProtocol" .) "grpc") (not (include "epplib.parser" .)) }}

WARNING: the model servers speak gRPC, which the {{ $epp }}
  {{- if eq (include "epplib.choosesParser" .) "true" }} reads of vllm only: set
inferencePool.parser=passthrough-parser to place their requests by load alone.
  {{- else }} cannot read: take inferenceExtension.image.tag
v1.5.0, or the Python EPP.
  {{- end }}
{{- end }}
{{- end }}
