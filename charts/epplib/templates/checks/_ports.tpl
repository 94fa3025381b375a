{{- /* epplib.checkPorts: ports of the Service and of the pod. */ -}}
{{- define "epplib.checkPorts" -}}
{{- $ext := .Values.inferenceExtension }}
{{- include "epplib.checkPort" (list "inferenceExtension.extProcPort" $ext.extProcPort) }}
{{- include "epplib.checkPort" (list "inferenceExtension.metricsPort" $ext.metricsPort) }}
{{- include "epplib.checkServicePorts" . }}
{{- include "epplib.checkContainerPorts" . }}
{{- end }}

{{- /* epplib.checkServicePorts: no name and no number twice. */ -}}
{{- define "epplib.checkServicePorts" -}}
{{- $ext := .Values.inferenceExtension }}
{{- $path := "inferenceExtension.extraServicePorts" }}
{{- include "epplib.checkMaps" (list $path $ext.extraServicePorts) }}
{{- $names := dict "grpc-ext-proc" "the chart's own" "http-metrics" "the chart's own" }}
{{- $numbers := dict (printf "%d/TCP" (int $ext.extProcPort)) "inferenceExtension.extProcPort" }}
{{- $at := "inferenceExtension.metricsPort" }}
{{- $number := printf "%d/TCP" (int $ext.metricsPort) }}
{{- include "epplib.checkFree" (list $at $number $numbers) }}
{{- range $i, $entry := $ext.extraServicePorts }}
  {{- $at = printf "%s[%d]" $path $i }}
  {{- if not $entry.name }}
    {{- include "epplib.fail" (list (printf "%s.name" $at) "is required, because the Service has several ports; write a name such as http") }}
  {{- end }}
  {{- include "epplib.checkPort" (list (printf "%s.port" $at) $entry.port) }}
  {{- include "epplib.checkFree" (list (printf "%s.name" $at) $entry.name $names) }}
  {{- include "epplib.checkFree" (list (printf "%s.port" $at) (printf "%d/%s" (int $entry.port) (default "TCP" $entry.protocol)) $numbers) }}
{{- end }}
{{- end }}

{{- /* epplib.checkContainerPorts: all containers of the pod share its ports. */ -}}
{{- define "epplib.checkContainerPorts" -}}
{{- $root := . }}
{{- $ext := .Values.inferenceExtension }}
{{- $path := "inferenceExtension.extraContainerPorts" }}
{{- include "epplib.checkMaps" (list $path $ext.extraContainerPorts) }}
{{- $names := dict }}
{{- $numbers := dict }}
{{- range $name := list "grpc" "grpc-health" "metrics" }}
  {{- $_ := set $names $name "the chart's own" }}
  {{- include "epplib.checkFree" (list (printf "inferenceExtension.flags.%s-port" $name) (printf "%s/TCP" (include "epplib.port" (list $root $name))) $numbers) }}
{{- end }}
{{- range $i, $entry := $ext.extraContainerPorts }}
  {{- $at := printf "%s[%d]" $path $i }}
  {{- include "epplib.checkPort" (list (printf "%s.containerPort" $at) $entry.containerPort) }}
  {{- with $entry.name }}
    {{- include "epplib.checkFree" (list (printf "%s.name" $at) . $names) }}
  {{- end }}
  {{- include "epplib.checkFree" (list (printf "%s.containerPort" $at) (printf "%d/%s" (int $entry.containerPort) (default "TCP" $entry.protocol)) $numbers) }}
{{- end }}
{{- range $i, $entry := (include "epplib.sidecar" . | fromYaml).ports }}
  {{- include "epplib.checkFree" (list (printf "inferenceExtension.sidecar.ports[%d]" $i) (printf "%d/%s" (int $entry.containerPort) (default "TCP" $entry.protocol)) $numbers) }}
{{- end }}
{{- $predictor := $ext.latencyPredictor }}
{{- if $predictor.enabled }}
  {{- $at := "inferenceExtension.latencyPredictor" }}
  {{- $servers := $predictor.predictionServers }}
  {{- include "epplib.checkPort" (list (printf "%s.trainingServer.port" $at) $predictor.trainingServer.port) }}
  {{- include "epplib.checkNumber" (list (printf "%s.predictionServers.count" $at) $servers.count 1 64) }}
  {{- include "epplib.checkNumber" (list (printf "%s.predictionServers.startPort" $at) $servers.startPort 1 (sub 65536 (int $servers.count) | int)) }}
  {{- include "epplib.checkFree" (list (printf "%s.trainingServer.port" $at) (printf "%d/TCP" (int $predictor.trainingServer.port)) $numbers) }}
  {{- range $i := until (int $servers.count) }}
    {{- include "epplib.checkFree" (list (printf "%s.predictionServers.startPort" $at) (printf "%d/TCP" (add (int $servers.startPort) $i)) $numbers) }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.checkFree (list path key taken): a key that nothing has taken; it is taken afterwards. */ -}}
{{- define "epplib.checkFree" -}}
{{- $path := index . 0 }}
{{- $key := index . 1 | toString }}
{{- $taken := index . 2 }}
{{- if hasKey $taken $key }}
  {{- include "epplib.fail" (list $path (printf "%s is taken by %s; choose another" $key (get $taken $key))) }}
{{- end }}
{{- $_ := set $taken $key $path }}
{{- end }}
