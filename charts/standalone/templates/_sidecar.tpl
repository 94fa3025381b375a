{{- /* standalone.sidecarPreset: what the chosen proxy brings, as the YAML of sidecar settings. The user's
go over it: see epplib.sidecar. */ -}}
{{- define "standalone.sidecarPreset" -}}
{{- $sidecar := .Values.inferenceExtension.sidecar }}
{{- $proxy := ternary "agentgateway" "envoy" (eq $sidecar.proxyType "agentgateway") }}
{{- $preset := include (printf "standalone.%sPreset" $proxy) . | fromYaml }}
{{- /* A probe has one handler, and maps are merged. */}}
{{- range $name := list "startupProbe" "readinessProbe" }}
  {{- $probe := get $sidecar $name | default dict }}
  {{- if or $probe.exec $probe.grpc $probe.tcpSocket }}
    {{- $_ := unset (get $preset $name | default dict) "httpGet" }}
  {{- end }}
{{- end }}
{{- toYaml $preset }}
{{- end }}

{{- /* standalone.configMapName (list root default): the ConfigMap that the proxy mounts, by the user's name for it. */ -}}
{{- define "standalone.configMapName" -}}
{{- (index . 0).Values.inferenceExtension.sidecar.configMap.name | default (index . 1) | quote -}}
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
