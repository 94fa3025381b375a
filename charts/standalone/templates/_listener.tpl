{{- /* standalone.httpPort: the Service port named http as YAML; it leads to the proxy. */ -}}
{{- define "standalone.httpPort" -}}
{{- $found := dict -}}
{{- range .Values.inferenceExtension.extraServicePorts -}}
  {{- if eq (toString .name) "http" }}{{ $found = . }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{- /* standalone.listener: number and name of the container port behind that, as YAML. */ -}}
{{- define "standalone.listener" -}}
{{- $http := include "standalone.httpPort" . | fromYaml -}}
{{- $target := default $http.port $http.targetPort | toString -}}
{{- if regexMatch "^[0-9]+$" $target -}}
number: {{ $target }}
name: http-{{ $target }}
{{- else -}}
number: {{ int $http.port }}
name: {{ $target | quote }}
{{- end -}}
{{- end }}
