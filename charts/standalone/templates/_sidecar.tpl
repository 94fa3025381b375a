{{- /* standalone.sidecarPreset: what the chosen proxy brings, as the YAML of sidecar settings; the user's are merged over it. */ -}}
{{- define "standalone.sidecarPreset" -}}
{{- if eq (include "standalone.proxyType" .) "agentgateway" -}}
{{- include "standalone.agentgatewayPreset" . -}}
{{- else -}}
{{- include "standalone.envoyPreset" . -}}
{{- end -}}
{{- end }}

{{- /* standalone.proxyType: envoy or agentgateway. */ -}}
{{- define "standalone.proxyType" -}}
{{- .Values.inferenceExtension.sidecar.proxyType | default "envoy" -}}
{{- end }}

{{- /* standalone.configMapName: list of the root and the proxy's own name for it -> the ConfigMap that the proxy mounts. */ -}}
{{- define "standalone.configMapName" -}}
{{- $root := index . 0 -}}
{{- dig "configMap" "name" "" (deepCopy $root.Values.inferenceExtension.sidecar) | default (index . 1) -}}
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
