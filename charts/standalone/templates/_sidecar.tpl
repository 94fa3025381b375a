{{- /* standalone.proxy: envoy or agentgateway. */ -}}
{{- define "standalone.proxy" -}}
{{ ternary "agentgateway" "envoy" (eq .Values.inferenceExtension.sidecar.proxyType "agentgateway") }}
{{- end }}

{{- /* standalone.sidecarPreset: what the chosen proxy brings, as the YAML of sidecar settings. The user's
go over it: see epplib.sidecar. */ -}}
{{- define "standalone.sidecarPreset" -}}
{{- $sidecar := .Values.inferenceExtension.sidecar }}
{{- $preset := include (printf "standalone.%sPreset" (include "standalone.proxy" .)) . | fromYaml }}
{{- /* A probe has one handler, and maps are merged. */}}
{{- range $name := list "startupProbe" "readinessProbe" }}
  {{- $probe := get $sidecar $name | default dict }}
  {{- if or $probe.exec $probe.grpc $probe.tcpSocket }}
    {{- $_ := unset (get $preset $name | default dict) "httpGet" }}
  {{- end }}
{{- end }}
{{- toYaml $preset }}
{{- end }}

{{- /* standalone.sidecarConfigMap: the name of the ConfigMap with the proxy's files. */ -}}
{{- define "standalone.sidecarConfigMap" -}}
{{ include "standalone.proxy" . }}
{{- end }}

{{- /* standalone.sidecarFiles: the files of the chosen proxy. */ -}}
{{- define "standalone.sidecarFiles" -}}
{{ include (printf "standalone.%sFiles" (include "standalone.proxy" .)) . }}
{{- end }}

{{- /* standalone.drain: the pod's containers go on as before until no client finds the pod any more. */ -}}
{{- define "standalone.drain" -}}
{{- with int .Values.inferenceExtension.sidecar.drainSeconds }}
lifecycle:
  preStop:
    sleep:
      seconds: {{ . }}
{{- end }}
{{- end }}
