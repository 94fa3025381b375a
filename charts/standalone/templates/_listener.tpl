{{- /* standalone.httpPort: the Service port named http as YAML, {} when there is none. */ -}}
{{- define "standalone.httpPort" -}}
{{- $found := dict -}}
{{- range .Values.inferenceExtension.extraServicePorts -}}
  {{- if eq (toString .name) "http" }}{{ $found = . }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{- /* standalone.listener: number and name of the container port behind the Service port http, as YAML. */ -}}
{{- define "standalone.listener" -}}
{{- $http := include "standalone.httpPort" . | fromYaml -}}
{{- $target := toString (default $http.port $http.targetPort) -}}
{{- if not $http -}}
number: 8081
name: http-8081
{{- else if regexMatch "^[0-9]+$" $target -}}
number: {{ $target }}
name: http-{{ $target }}
{{- else -}}
number: {{ int $http.port }}
name: {{ $target }}
{{- end -}}
{{- end }}

{{- /* standalone.podSelector: the labels of the model servers' pods, as key=value,key=value. */ -}}
{{- define "standalone.podSelector" -}}
{{- if eq (include "epplib.mode" .) "selector" -}}
{{- .Values.inferenceExtension.endpointsServer.endpointSelector -}}
{{- else -}}
{{- $labels := list -}}
{{- range $key, $value := .Values.inferencePool.modelServers.matchLabels -}}
  {{- $labels = append $labels (printf "%s=%s" $key (toString $value)) -}}
{{- end -}}
{{- join "," $labels -}}
{{- end -}}
{{- end }}
