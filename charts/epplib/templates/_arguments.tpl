{{- /* epplib.userFlags: the user's flags in their order, as a JSON list of [name, value]; a map's are
sorted. A null leaves a flag out; v is 1 unless it is stated. */ -}}
{{- define "epplib.userFlags" -}}
{{- $flags := list }}
{{- $stated := false }}
{{- $given := default dict .Values.inferenceExtension.flags }}
{{- if kindIs "slice" $given }}
  {{- range $given }}
    {{- if eq .name "v" }}{{ $stated = true }}{{ end }}
    {{- if not (kindIs "invalid" .value) }}
      {{- $flags = append $flags (list .name (include "epplib.text" .value)) }}
    {{- end }}
  {{- end }}
  {{- if not $stated }}
    {{- $flags = prepend $flags (list "v" "1") }}
  {{- end }}
{{- else }}
  {{- $all := dict "v" 1 }}
  {{- range $name, $value := $given }}
    {{- $_ := set $all $name $value }}
  {{- end }}
  {{- range $name, $value := $all }}
    {{- if not (kindIs "invalid" $value) }}
      {{- $flags = append $flags (list $name (include "epplib.text" $value)) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- toJson $flags }}
{{- end }}

{{- /* epplib.flags: the user's flags as a YAML map of names to texts. */ -}}
{{- define "epplib.flags" -}}
{{- $flags := dict }}
{{- range include "epplib.userFlags" . | fromJsonArray }}
  {{- $_ := set $flags (first .) (last .) }}
{{- end }}
{{- toYaml $flags }}
{{- end }}

{{- /* epplib.flag (list root name default): the text of one flag. */ -}}
{{- define "epplib.flag" -}}
{{- $flags := include "epplib.flags" (index . 0) | fromYaml -}}
{{- if hasKey $flags (index . 1) }}{{ get $flags (index . 1) }}{{ else }}{{ index . 2 }}{{ end }}
{{- end }}

{{- /* epplib.port (list root name): the number of a container port: grpc, grpc-health or metrics. */ -}}
{{- define "epplib.port" -}}
{{- $default := get (dict "grpc" 9002 "grpc-health" 9003 "metrics" 9090) (index . 1) -}}
{{ include "epplib.flag" (list (index . 0) (printf "%s-port" (index . 1)) $default) }}
{{- end }}

{{- /* epplib.isTrue: true for what Go's flags count as true. */ -}}
{{- define "epplib.isTrue" -}}
{{ has (toString .) (list "1" "t" "T" "true" "True" "TRUE") }}
{{- end }}

{{- /* epplib.secureServing: whether ext-proc is served with TLS. Without Inference APIs nobody but the
proxy in the same pod is a client of the Python EPP. */ -}}
{{- define "epplib.secureServing" -}}
{{- /* Not of epplib.sidecar: what the proxy is told depends on this. */ -}}
{{- $sidecar := .Values.inferenceExtension.sidecar -}}
{{- $proxy := ternary $sidecar.proxyType "" $sidecar.enabled -}}
{{- $local := and $proxy (eq (include "epplib.mode" .) "selector") -}}
{{- $plain := and $local (or (eq $proxy "agentgateway") (eq (include "epplib.implementation" .) "python")) -}}
{{ include "epplib.isTrue" (include "epplib.flag" (list . "secure-serving" (not $plain))) }}
{{- end }}

{{- /* epplib.replicas: how many pods; 0 counts as 1. */ -}}
{{- define "epplib.replicas" -}}
{{ max 1 (int .Values.inferenceExtension.replicas) }}
{{- end }}

{{- /* epplib.leaderElection: whether only one of the pods serves. */ -}}
{{- define "epplib.leaderElection" -}}
{{ include "epplib.isTrue" (include "epplib.flag" (list . "ha-enable-leader-election" (gt (include "epplib.replicas" . | int) 1))) }}
{{- end }}

{{- /* epplib.drainDelay: for how long a Python leader goes on after SIGTERM; empty for all other EPPs. It is
told at once, unlike one whose preStop sleeps, so that it hands over while its proxy still serves. Without a
proxy it is the time in which the first pod of an update starts. */ -}}
{{- define "epplib.drainDelay" -}}
{{- if and (eq (include "epplib.leaderElection" .) "true") (eq (include "epplib.implementation" .) "python") -}}
{{- $sidecar := include "epplib.sidecar" . | fromYaml -}}
{{- $seconds := dig "lifecycle" "preStop" "sleep" "seconds" 0 $sidecar | int -}}
{{- if or $seconds (not $sidecar) -}}
{{ default 15 $seconds }}s
{{- end -}}
{{- end -}}
{{- end }}

{{- /* epplib.arguments: the EPP's command line, one --name=value each: the chart's in a fixed order
without those that the user states, then the user's. */ -}}
{{- define "epplib.arguments" -}}
{{- $ext := .Values.inferenceExtension }}
{{- $go := eq (include "epplib.implementation" .) "go" }}
{{- $chart := list }}
{{- if eq (include "epplib.mode" .) "selector" }}
  {{- $chart = append $chart (list "endpoint-selector" $ext.endpointsServer.endpointSelector) }}
  {{- $chart = append $chart (list "endpoint-target-ports" (include "epplib.targetPorts" . | fromJsonArray | join ",")) }}
{{- else }}
  {{- $chart = append $chart (list "pool-name" .Release.Name) }}
  {{- $chart = append $chart (list "pool-namespace" .Release.Namespace) }}
  {{- $chart = append $chart (list "pool-group" (include "epplib.poolGroup" .)) }}
{{- end }}
{{- range include "epplib.metricFlags" . | fromJsonArray }}
  {{- $chart = append $chart . }}
{{- end }}
{{- $chart = append $chart (list "zap-encoder" "json") }}
{{- $chart = append $chart (list "config-file" (printf "/config/%s" $ext.pluginsConfigFile)) }}
{{- if eq (include "epplib.leaderElection" .) "true" }}
  {{- $chart = append $chart (list "ha-enable-leader-election" "true") }}
{{- end }}
{{- with include "epplib.drainDelay" . }}
  {{- $chart = append $chart (list "drain-delay" .) }}
{{- end }}
{{- if eq (include "epplib.secureServing" .) "false" }}
  {{- $chart = append $chart (list "secure-serving" "false") }}
{{- end }}
{{- if and $go (eq (include "epplib.hasProxy" .) "true") }}
  {{- $chart = append $chart (list "health-checking" "true") }}
{{- end }}
{{- $chart = append $chart (list "tracing" (toString $ext.tracing.enabled)) }}
{{- if eq (include "epplib.metricsAuth" .) "false" }}
  {{- $chart = append $chart (list "metrics-endpoint-auth" "false") }}
{{- end }}
{{- $user := include "epplib.userFlags" . | fromJsonArray }}
{{- $stated := include "epplib.flags" . | fromYaml }}
{{- $arguments := list }}
{{- range $chart }}
  {{- if not (hasKey $stated (first .)) }}
    {{- $arguments = append $arguments (printf "--%s=%s" (first .) (last .)) }}
  {{- end }}
{{- end }}
{{- range $user }}
  {{- $arguments = append $arguments (printf "--%s=%s" (first .) (last .)) }}
{{- end }}
{{- toYaml $arguments }}
{{- end }}
