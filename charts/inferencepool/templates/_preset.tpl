{{- /* inferencepool.sidecarPreset: this chart has no sidecar of its own. */ -}}
{{- define "inferencepool.sidecarPreset" -}}
{}
{{- end }}

{{- /* inferencepool.sidecarConfigMap: the name of the ConfigMap with the files of the user's sidecar. */ -}}
{{- define "inferencepool.sidecarConfigMap" -}}
{{ include "epplib.epp" . }}-sidecar
{{- end }}

{{- /* inferencepool.sidecarFiles: none. */ -}}
{{- define "inferencepool.sidecarFiles" -}}
{}
{{- end }}
