{{- /* standalone.validate: fails on values that cannot work together; the schema has checked each alone. */ -}}
{{- define "standalone.validate" -}}
{{- $extension := .Values.inferenceExtension -}}
{{- $sidecar := $extension.sidecar -}}
{{- if eq (include "epplib.mode" .) "selector" }}{{ include "standalone.validateSelector" . }}{{ end -}}
{{- if $sidecar.enabled -}}
  {{- $http := 0 -}}
  {{- range $extension.extraServicePorts }}{{ if eq (toString .name) "http" }}{{ $http = add1 $http }}{{ end }}{{ end -}}
  {{- if gt (int $http) 1 -}}
    {{- include "epplib.fail" (list "inferenceExtension.extraServicePorts" "only one port may be named http, the one the sidecar serves") -}}
  {{- end -}}
  {{- if not (has (include "standalone.proxyType" .) (list "envoy" "agentgateway")) -}}
    {{- include "epplib.fail" (list "inferenceExtension.sidecar.proxyType" (printf "%q is not a known proxy; use envoy or agentgateway" (toString $sidecar.proxyType))) -}}
  {{- end -}}
  {{- if hasKey $sidecar "agentgateway" -}}
    {{- include "epplib.fail" (list "inferenceExtension.sidecar.agentgateway" "is no longer a value; set sidecar.proxyType to agentgateway and sidecar's own values instead") -}}
  {{- end -}}
  {{- $grace := int $extension.terminationGracePeriodSeconds -}}
  {{- if ge (int $sidecar.drainSeconds) $grace -}}
    {{- include "epplib.fail" (list "inferenceExtension.sidecar.drainSeconds" (printf "%d seconds of draining do not fit into terminationGracePeriodSeconds, which is %d" (int $sidecar.drainSeconds) $grace)) -}}
  {{- end -}}
  {{- if eq (include "standalone.proxyType" .) "agentgateway" -}}
    {{- include "standalone.validateAgentgateway" . -}}
  {{- else if not (has (include "standalone.bodyMode" .) (list "buffered" "duplex")) -}}
    {{- include "epplib.fail" (list "inferenceExtension.sidecar.bodyMode" (printf "%q is not a body mode; use auto, buffered or duplex" (toString $sidecar.bodyMode))) -}}
  {{- else if and (eq (include "standalone.bodyMode" .) "buffered") (eq (include "epplib.implementation" .) "go") -}}
    {{- include "epplib.fail" (list "inferenceExtension.sidecar.bodyMode" "buffered needs the Python EPP; the Go EPP answers in duplex mode only") -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- /* standalone.validateSelector: what takes the place of the pool must be complete. */ -}}
{{- define "standalone.validateSelector" -}}
{{- $server := .Values.inferenceExtension.endpointsServer -}}
{{- if not $server.endpointSelector -}}
  {{- include "epplib.fail" (list "inferenceExtension.endpointsServer.endpointSelector" "is required without an InferencePool; set the labels of the model servers' pods, for example app=vllm-llama3-8b-instruct") -}}
{{- end -}}
{{- range splitList "," $server.endpointSelector -}}
  {{- if not (regexMatch "^[A-Za-z0-9][-A-Za-z0-9_./]*=[-A-Za-z0-9_.]*$" .) -}}
    {{- include "epplib.fail" (list "inferenceExtension.endpointsServer.endpointSelector" (printf "%q is not a label; write key=value,key=value" .)) -}}
  {{- end -}}
{{- end -}}
{{- $ports := include "epplib.targetPorts" . | fromJsonArray -}}
{{- range $ports -}}
  {{- if or (lt (int .) 1) (gt (int .) 65535) -}}
    {{- include "epplib.fail" (list "inferenceExtension.endpointsServer.targetPorts" (printf "%s has what is not a port from 1 to 65535" (toJson $ports))) -}}
  {{- end -}}
{{- end -}}
{{- if gt (len $ports) 8 -}}
  {{- include "epplib.fail" (list "inferenceExtension.endpointsServer.targetPorts" (printf "has %d ports; the EPP takes at most 8" (len $ports))) -}}
{{- end -}}
{{- end }}

{{- /* standalone.validateAgentgateway: what agentgateway does not do. */ -}}
{{- define "standalone.validateAgentgateway" -}}
{{- $extension := .Values.inferenceExtension -}}
{{- if eq (include "epplib.mode" .) "pool" -}}
  {{- include "epplib.fail" (list "inferenceExtension.sidecar.proxyType" "agentgateway works without an InferencePool only; set inferenceExtension.endpointsServer.createInferencePool to false") -}}
{{- end -}}
{{- if eq (include "epplib.secureServing" .) "true" -}}
  {{- include "epplib.fail" (list "inferenceExtension.flags.secure-serving" "agentgateway speaks to the EPP without TLS; leave the flag out or set it to false") -}}
{{- end -}}
{{- $http := include "standalone.httpPort" . | fromYaml -}}
{{- $path := "inferenceExtension.extraServicePorts" -}}
{{- if not $http -}}
  {{- include "epplib.fail" (list $path "needs a port named http, where agentgateway listens") -}}
{{- end -}}
{{- $port := toString $http.port -}}
{{- if not (and (regexMatch "^[0-9]{1,5}$" $port) (ge (atoi $port) 1) (le (atoi $port) 65535)) -}}
  {{- include "epplib.fail" (list $path (printf "the port named http needs a number from 1 to 65535, not %q" $port)) -}}
{{- end -}}
{{- if not (has (toString (default $port $http.targetPort)) (list $port "http")) -}}
  {{- include "epplib.fail" (list $path (printf "agentgateway listens on the port named http itself; leave its targetPort out or set it to %s" $port)) -}}
{{- end -}}
{{- end }}
