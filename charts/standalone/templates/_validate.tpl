{{- /* standalone.validate: refuse what the proxy cannot do. epplib.validate has checked the rest. */ -}}
{{- define "standalone.validate" -}}
{{- $sidecar := .Values.inferenceExtension.sidecar }}
{{- if $sidecar.enabled }}
  {{- include "epplib.checkChoice" (list "inferenceExtension.sidecar.proxyType" $sidecar.proxyType (list "envoy" "agentgateway")) }}
  {{- include "epplib.checkChoice" (list "inferenceExtension.sidecar.bodyMode" $sidecar.bodyMode (list "auto" "buffered" "duplex")) }}
  {{- include "standalone.validateDrain" . }}
  {{- include "standalone.validateHttpPort" . }}
  {{- if hasKey $sidecar "agentgateway" }}
    {{- include "epplib.fail" (list "inferenceExtension.sidecar.agentgateway" "was a value for a while and is none; write inferenceExtension.sidecar.proxyType agentgateway and the sidecar's own values") }}
  {{- end }}
  {{- if eq $sidecar.proxyType "agentgateway" }}
    {{- include "standalone.validateAgentgateway" . }}
  {{- else }}
    {{- include "standalone.validateEnvoy" . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* standalone.validateEnvoy: what Envoy cannot do: buffered bodies with the Go EPP, and a list of
endpoints. Of the user's own configuration of Envoy we know nothing. */ -}}
{{- define "standalone.validateEnvoy" -}}
{{- $ext := .Values.inferenceExtension }}
{{- if and (eq (include "standalone.bodyMode" .) "buffered") (eq (include "epplib.implementation" .) "go") }}
  {{- include "epplib.fail" (list "inferenceExtension.sidecar.bodyMode" "the Go EPP cannot answer buffered bodies; write auto or duplex, or take the Python EPP") }}
{{- end }}
{{- $own := merge dict (default dict $ext.sidecar.configMap.data) (default dict $ext.sidecar.configMapData) }}
{{- $config := get (include "epplib.pluginFiles" . | fromYaml) $ext.pluginsConfigFile | fromYaml }}
{{- if and (not (hasKey $own "envoy.yaml")) (kindIs "slice" $config.plugins) }}
  {{- range $config.plugins }}
    {{- $plugin := ternary . dict (kindIs "map" .) }}
    {{- $parameters := ternary $plugin.parameters dict (kindIs "map" $plugin.parameters) }}
    {{- if gt (int $parameters.maxNumOfEndpoints) 1 }}
      {{- include "epplib.fail" (list (printf "inferenceExtension.pluginsCustomConfig[%q]" $ext.pluginsConfigFile) (printf "the %v names %v endpoints a request, but Envoy takes one; write maxNumOfEndpoints: 1" $plugin.type $parameters.maxNumOfEndpoints)) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* standalone.validateDrain: the drain ends before the pod is killed. */ -}}
{{- define "standalone.validateDrain" -}}
{{- $ext := .Values.inferenceExtension }}
{{- $path := "inferenceExtension.sidecar.drainSeconds" }}
{{- include "epplib.checkNumber" (list $path $ext.sidecar.drainSeconds 0 3600) }}
{{- if ge (int $ext.sidecar.drainSeconds) (int $ext.terminationGracePeriodSeconds) }}
  {{- include "epplib.fail" (list $path (printf "%d seconds do not fit into the %d of inferenceExtension.terminationGracePeriodSeconds; write fewer here or more there" (int $ext.sidecar.drainSeconds) (int $ext.terminationGracePeriodSeconds))) }}
{{- end }}
{{- end }}

{{- /* standalone.validateHttpPort: the Service has one port that leads to the proxy. */ -}}
{{- define "standalone.validateHttpPort" -}}
{{- $path := "inferenceExtension.extraServicePorts" }}
{{- $http := include "standalone.httpPort" . | fromYaml }}
{{- if not $http }}
  {{- include "epplib.fail" (list $path "has no port named http, and that is the one of the proxy; add {name: http, port: 8081}, because a list replaces the default") }}
{{- end }}
{{- $target := default $http.port $http.targetPort | toString }}
{{- if regexMatch "^[0-9]+$" $target }}
  {{- include "epplib.checkPort" (list (printf "%s: targetPort of http" $path) $target) }}
{{- else }}
  {{- include "epplib.checkText" (list $path $target "^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$" "a number or up to 15 lower-case letters, digits and - as the targetPort of http") }}
{{- end }}
{{- end }}

{{- /* standalone.validateAgentgateway: what agentgateway cannot do. */ -}}
{{- define "standalone.validateAgentgateway" -}}
{{- if eq (include "epplib.mode" .) "pool" }}
  {{- include "epplib.fail" (list "inferenceExtension.sidecar.proxyType" "agentgateway works without an InferencePool only; write inferenceExtension.endpointsServer.createInferencePool false, or proxyType envoy") }}
{{- end }}
{{- if eq (include "epplib.secureServing" .) "true" }}
  {{- include "epplib.fail" (list "inferenceExtension.flags.secure-serving" "agentgateway speaks to the EPP without TLS; write false or nothing") }}
{{- end }}
{{- $http := include "standalone.httpPort" . | fromYaml }}
{{- $port := toString $http.port }}
{{- if not (has (default $port $http.targetPort | toString) (list $port "http")) }}
  {{- include "epplib.fail" (list "inferenceExtension.extraServicePorts" (printf "agentgateway listens on the Service's port itself; write no targetPort for http, or %s" $port)) }}
{{- end }}
{{- end }}
