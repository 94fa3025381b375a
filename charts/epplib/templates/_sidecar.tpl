{{- /* epplib.sidecar: the settings of the container beside the EPP, as YAML: the user's over those of
the chart's template <chart>.sidecarPreset. {} when it is off. */ -}}
{{- define "epplib.sidecar" -}}
{{- $own := .Values.inferenceExtension.sidecar }}
{{- if $own.enabled }}
  {{- $settings := include (printf "%s.sidecarPreset" .Chart.Name) . | fromYaml }}
  {{- include "epplib.overlay" (list $settings $own) }}
  {{- $configMap := default dict $settings.configMap }}
  {{- $data := default $configMap.data $settings.configMapData }}
  {{- $name := default (printf "%s-sidecar" (include "epplib.epp" .)) $configMap.name }}
  {{- $_ := set $settings "configMap" (dict "name" $name "data" (default dict $data)) }}
  {{- toYaml $settings }}
{{- else -}}
{}
{{- end }}
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
