{{- /* inferencepool.sidecarPreset: this chart has no sidecar of its own. */ -}}
{{- define "inferencepool.sidecarPreset" -}}
{}
{{- end }}
