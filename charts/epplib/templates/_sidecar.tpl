{{- /* epplib.sidecar: the settings of the container beside the EPP but for its files, as YAML: the
user's over those of the chart's template <chart>.sidecarPreset. {} when it is off. */ -}}
{{- define "epplib.sidecar" -}}
{{- $own := .Values.inferenceExtension.sidecar }}
{{- if $own.enabled }}
  {{- $settings := include (printf "%s.sidecarPreset" (include "epplib.chart" .)) . | fromYaml }}
  {{- include "epplib.overlay" (list $settings (omit $own "configMap" "configMapData")) }}
  {{- toYaml $settings }}
{{- else -}}
{}
{{- end }}
{{- end }}

{{- /* epplib.sidecarConfigMap: the name of the ConfigMap with its files; <chart>.sidecarConfigMap unless
the user has another. */ -}}
{{- define "epplib.sidecarConfigMap" -}}
{{ .Values.inferenceExtension.sidecar.configMap.name | default (include (printf "%s.sidecarConfigMap" (include "epplib.chart" .)) .) }}
{{- end }}

{{- /* epplib.sidecarFiles: those files as YAML: the user's over those of <chart>.sidecarFiles. */ -}}
{{- define "epplib.sidecarFiles" -}}
{{- $own := .Values.inferenceExtension.sidecar }}
{{- $files := dict }}
{{- if $own.enabled }}
  {{- $files = include (printf "%s.sidecarFiles" (include "epplib.chart" .)) . | fromYaml }}
  {{- include "epplib.overlay" (list $files (default dict $own.configMap.data)) }}
  {{- include "epplib.overlay" (list $files (default dict $own.configMapData)) }}
{{- end }}
{{- include "epplib.texts" $files }}
{{- end }}

{{- /* epplib.hasProxy: whether the sidecar is a proxy of the chart's, not something of the user's. */ -}}
{{- define "epplib.hasProxy" -}}
{{- $sidecar := .Values.inferenceExtension.sidecar -}}
{{ and $sidecar.enabled (hasKey $sidecar "proxyType") }}
{{- end }}

{{- /* epplib.sidecarContainer: that container. */ -}}
{{- define "epplib.sidecarContainer" -}}
{{- $sidecar := include "epplib.sidecar" . | fromYaml -}}
- name: {{ $sidecar.name | quote }}
  image: {{ $sidecar.image | quote }}
  imagePullPolicy: {{ default "IfNotPresent" $sidecar.imagePullPolicy }}
  {{- with $sidecar.command }}
  command:
    {{- ternary . (list .) (kindIs "slice" .) | toYaml | nindent 4 }}
  {{- end }}
  {{- with $sidecar.args }}
  args:
    {{- range . }}
    - {{ include "epplib.text" . | quote }}
    {{- end }}
  {{- end }}
  {{- $context := default .Values.inferenceExtension.securityContext $sidecar.securityContext }}
  {{- with $context }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- range $field := list "env" "ports" "startupProbe" "livenessProbe" "readinessProbe" "lifecycle" "resources" "volumeMounts" }}
  {{- with get $sidecar $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}
