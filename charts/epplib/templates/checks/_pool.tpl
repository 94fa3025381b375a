{{- /* epplib.checkPool: which pods serve, and how they are asked. */ -}}
{{- define "epplib.checkPool" -}}
{{- if eq (include "epplib.mode" .) "selector" }}
  {{- include "epplib.checkEndpoints" . }}
{{- else }}
  {{- $pool := .Values.inferencePool }}
  {{- include "epplib.checkChoice" (list "inferencePool.apiVersion" $pool.apiVersion (list "inference.networking.k8s.io/v1" "inference.networking.x-k8s.io/v1alpha2")) }}
  {{- include "epplib.checkMatchLabels" $pool.modelServers.matchLabels }}
  {{- include "epplib.checkPoolPorts" . }}
  {{- include "epplib.checkModelServer" (list "inferencePool" $pool) }}
  {{- include "epplib.checkChoice" (list "inferenceExtension.failureMode" .Values.inferenceExtension.failureMode (list "" "FailOpen" "FailClose")) }}
{{- end }}
{{- end }}

{{- /* epplib.checkModelServer (list path settings): a model server whose metrics are known. */ -}}
{{- define "epplib.checkModelServer" -}}
{{- $path := index . 0 }}
{{- $settings := index . 1 }}
{{- include "epplib.checkChoice" (list (printf "%s.modelServerType" $path) $settings.modelServerType (list "vllm" "sglang" "triton-tensorrt-llm" "trtllm-serve")) }}
{{- include "epplib.checkChoice" (list (printf "%s.modelServerProtocol" $path) $settings.modelServerProtocol (list "http" "grpc")) }}
{{- end }}

{{- /* epplib.checkMatchLabels: labels of pods, at least one. */ -}}
{{- define "epplib.checkMatchLabels" -}}
{{- $path := "inferencePool.modelServers.matchLabels" }}
{{- if and . (not (kindIs "map" .)) }}
  {{- include "epplib.fail" (list $path (printf "%s is not a map; write one label: value a line" (toJson .))) }}
{{- end }}
{{- $labels := include "epplib.known" . | fromYaml }}
{{- if not $labels }}
  {{- include "epplib.fail" (list $path "is required; write labels of the model servers' pods, for example --set inferencePool.modelServers.matchLabels.app=vllm-llama3-8b-instruct") }}
{{- end }}
{{- include "epplib.checkLabels" (list $path $labels) }}
{{- end }}

{{- /* epplib.checkLabels (list path labels): labels that Kubernetes takes. */ -}}
{{- define "epplib.checkLabels" -}}
{{- $path := index . 0 }}
{{- include "epplib.checkTexts" (list $path (index . 1) "one text") }}
{{- range $key, $value := index . 1 }}
  {{- include "epplib.checkLabel" (list $path $key $value) }}
{{- end }}
{{- end }}

{{- /* epplib.checkLabel (list path key value): a label that Kubernetes takes. */ -}}
{{- define "epplib.checkLabel" -}}
{{- $path := index . 0 }}
{{- $key := index . 1 }}
{{- if not (regexMatch "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$" $key) }}
  {{- include "epplib.fail" (list $path (printf "%q is not the key of a label; write up to 63 letters, digits, -, _ and ., after a domain and / if need be" $key)) }}
{{- end }}
{{- $value := include "epplib.text" (index . 2) }}
{{- if not (regexMatch "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$" $value) }}
  {{- include "epplib.fail" (list (printf "%s.%s" $path $key) (printf "%q is not the value of a label; write up to 63 letters, digits, -, _ and ., a letter or digit first and last" $value)) }}
{{- end }}
{{- end }}

{{- /* epplib.checkPoolPorts: the ports of an InferencePool. */ -}}
{{- define "epplib.checkPoolPorts" -}}
{{- $pool := .Values.inferencePool }}
{{- include "epplib.checkPort" (list "inferencePool.targetPortNumber" $pool.targetPortNumber) }}
{{- include "epplib.checkMaps" (list "inferencePool.targetPorts" $pool.targetPorts) }}
{{- $ports := list }}
{{- range $i, $entry := $pool.targetPorts }}
  {{- include "epplib.checkPort" (list (printf "inferencePool.targetPorts[%d].number" $i) $entry.number) }}
  {{- $ports = append $ports $entry.number }}
{{- end }}
{{- include "epplib.checkDistinctPorts" (list "inferencePool.targetPorts" $ports) }}
{{- $used := include "epplib.targetPorts" . | fromJsonArray }}
{{- if and (eq (include "epplib.poolGroup" .) "inference.networking.x-k8s.io") (gt (len $used) 1) }}
  {{- include "epplib.fail" (list "inferencePool.targetPorts" (printf "a v1alpha2 pool has one port, not %d; write one, or inferencePool.apiVersion inference.networking.k8s.io/v1" (len $used))) }}
{{- end }}
{{- end }}

{{- /* epplib.checkDistinctPorts (list path ports): 1 to 8 ports, none twice. */ -}}
{{- define "epplib.checkDistinctPorts" -}}
{{- $path := index . 0 }}
{{- $seen := list }}
{{- range index . 1 }}
  {{- $port := include "epplib.text" . | trim }}
  {{- if has $port $seen }}
    {{- include "epplib.fail" (list $path (printf "port %s stands there twice; write each port once" $port)) }}
  {{- end }}
  {{- $seen = append $seen $port }}
{{- end }}
{{- if or (eq (len $seen) 0) (gt (len $seen) 8) }}
  {{- include "epplib.fail" (list $path (printf "%d ports are %s; write 1 to 8" (len $seen) (ternary "too few" "too many" (eq (len $seen) 0)))) }}
{{- end }}
{{- end }}

{{- /* epplib.checkEndpoints: which pods serve without an InferencePool. */ -}}
{{- define "epplib.checkEndpoints" -}}
{{- $server := .Values.inferenceExtension.endpointsServer }}
{{- $path := "inferenceExtension.endpointsServer.endpointSelector" }}
{{- $selector := include "epplib.text" $server.endpointSelector }}
{{- if not $selector }}
  {{- include "epplib.fail" (list $path "is required without an InferencePool; write labels of the model servers' pods, for example app=vllm-llama3-8b-instruct") }}
{{- end }}
{{- range splitList "," $selector }}
  {{- $label := splitList "=" . }}
  {{- if ne (len $label) 2 }}
    {{- include "epplib.fail" (list $path (printf "%q is not key=value; write key=value,key=value without blanks" .)) }}
  {{- end }}
  {{- include "epplib.checkLabel" (prepend $label $path) }}
{{- end }}
{{- $path = "inferenceExtension.endpointsServer.targetPorts" }}
{{- $given := $server.targetPorts }}
{{- $ports := $given }}
{{- if not (kindIs "slice" $given) }}
  {{- $ports = include "epplib.text" $given | splitList "," }}
{{- end }}
{{- range $ports }}
  {{- include "epplib.checkPort" (list $path (include "epplib.text" . | trim)) }}
{{- end }}
{{- include "epplib.checkDistinctPorts" (list $path $ports) }}
{{- include "epplib.checkModelServer" (list "inferenceExtension.endpointsServer" $server) }}
{{- end }}
