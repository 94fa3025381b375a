{{- /* epplib.pluginFiles: the data of the EPP's ConfigMap: default-plugins.yaml and the user's files. */ -}}
{{- define "epplib.pluginFiles" -}}
{{- $files := dict "default-plugins.yaml" (printf "%s\n" (include "epplib.defaultPlugins" .)) }}
{{- range $name, $text := .Values.inferenceExtension.pluginsCustomConfig }}
  {{- if not (kindIs "invalid" $text) }}
    {{- $_ := set $files $name (include "epplib.text" $text) }}
  {{- end }}
{{- end }}
{{- toYaml $files }}
{{- end }}

{{- /* epplib.prediction: how routing follows predicted latency: by one plugin (the Go EPP until v1.4, and
the Python EPP where that one's parameters are given), by several, or not at all (an empty text). */ -}}
{{- define "epplib.prediction" -}}
{{- $predictor := .Values.inferenceExtension.latencyPredictor }}
{{- $go := eq (include "epplib.implementation" .) "go" }}
{{- if $predictor.enabled -}}
{{ ternary "one" "several" (ternary (ne (include "epplib.version" .) "1.5") (not (empty $predictor.sloAwareRouting)) $go) }}
{{- end }}
{{- end }}

{{- /* epplib.defaultPlugins: the EndpointPickerConfig of a user who brings none. Where latency is predicted,
upstream's has the usual scorers too, though no profile uses them: of such the Python EPP warns. */ -}}
{{- define "epplib.defaultPlugins" -}}
{{- $go := eq (include "epplib.implementation" .) "go" }}
{{- $version := ternary (include "epplib.version" .) "" $go }}
{{- $prediction := include "epplib.prediction" . }}
{{- $gates := list }}
{{- $plugins := list (dict "type" "queue-scorer") (dict "type" "kv-cache-utilization-scorer") (dict "type" "prefix-cache-scorer") }}
{{- $references := list
  (dict "pluginRef" "queue-scorer" "weight" 2)
  (dict "pluginRef" "kv-cache-utilization-scorer" "weight" 2)
  (dict "pluginRef" "prefix-cache-scorer" "weight" 3) }}
{{- $config := dict "apiVersion" "inference.networking.x-k8s.io/v1alpha1" "kind" "EndpointPickerConfig" }}
{{- if and (eq (include "epplib.pluginMetrics" .) "true") (eq $version "1.5") }}
  {{- $plugins = concat $plugins (include "epplib.metricPlugins15" . | fromYamlArray) }}
{{- else if eq (include "epplib.pluginMetrics" .) "true" }}
  {{- $gates = append $gates "dataLayer" }}
  {{- $plugins = concat $plugins (include "epplib.metricPlugins14" . | fromYamlArray) }}
  {{- $source := dict "pluginRef" "metrics-data-source" "extractors" (list (dict "pluginRef" "model-server-protocol-metrics")) }}
  {{- $_ := set $config "data" (dict "sources" (list $source)) }}
{{- end }}
{{- if and $prediction (not $go) }}
  {{- $plugins = list (dict "type" "approx-prefix-cache-producer") }}
{{- end }}
{{- if eq $prediction "several" }}
  {{- $plugins = concat $plugins (include "epplib.latencyPlugins15" . | fromYamlArray) }}
  {{- $references = list }}
  {{- range list "predicted-latency-producer" "strict-affinity-filter" "slo-headroom-tier-filter" "loose-affinity-filter" "latency-scorer" "weighted-random-picker" }}
    {{- $references = append $references (dict "pluginRef" .) }}
  {{- end }}
{{- else if $prediction }}
  {{- if $go }}
    {{- $gates = append $gates "prepareDataPlugins" }}
  {{- end }}
  {{- $plugins = append $plugins (include "epplib.latencyPlugin13" . | fromYaml) }}
  {{- $references = list (dict "pluginRef" "predicted-latency-scorer") }}
{{- end }}
{{- with include "epplib.parser" . }}
  {{- $plugins = append $plugins (dict "type" .) }}
  {{- $_ := set $config "parser" (dict "pluginRef" .) }}
{{- end }}
{{- with $gates }}
  {{- $_ := set $config "featureGates" . }}
{{- end }}
{{- $_ := set $config "plugins" $plugins }}
{{- $_ := set $config "schedulingProfiles" (list (dict "name" "default" "plugins" $references)) }}
{{- toYaml $config }}
{{- end }}

{{- /* epplib.choosesParser: whether the EPP has more than one parser. */ -}}
{{- define "epplib.choosesParser" -}}
{{ or (eq (include "epplib.implementation" .) "python") (eq (include "epplib.version" .) "1.5") }}
{{- end }}

{{- /* epplib.parser: the parser plugin that the file names, or nothing. */ -}}
{{- define "epplib.parser" -}}
{{- if eq (include "epplib.choosesParser" .) "true" }}
  {{- if and (eq (include "epplib.modelServerType" .) "vllm") (eq (include "epplib.modelServerProtocol" .) "grpc") -}}
vllmgrpc-parser
  {{- else -}}
{{ .Values.inferencePool.parser }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.metricPlugins15: plugins of the Go EPP 1.5 that read metrics. */ -}}
{{- define "epplib.metricPlugins15" -}}
{{- $type := include "epplib.modelServerType" . -}}
- type: metrics-data-source
  parameters:
    {{- include "epplib.metricsSource" . | nindent 4 }}
- type: core-metrics-extractor
  {{- if ne $type "vllm" }}
  parameters:
    defaultEngine: {{ $type }}
  {{- end }}
{{- end }}

{{- /* epplib.metricPlugins14: plugins of the Go EPP 1.4 that read metrics. It knows sglang by itself. */ -}}
{{- define "epplib.metricPlugins14" -}}
{{- $type := include "epplib.modelServerType" . -}}
- type: metrics-data-source
  parameters:
    {{- include "epplib.metricsSource" . | nindent 4 }}
- type: model-server-protocol-metrics
  parameters:
    defaultEngine: {{ $type }}
    {{- if ne $type "sglang" }}
    {{- $engine := include "epplib.engine" . | fromYaml }}
    engineConfigs:
    - name: {{ $type }}
      queuedRequestsSpec: {{ get $engine "total-queued-requests-metric" | quote }}
      runningRequestsSpec: {{ get $engine "total-running-requests-metric" | quote }}
      kvUsageSpec: {{ get $engine "kv-cache-usage-percentage-metric" | quote }}
      {{- with get $engine "cache-info-metric" }}
      cacheInfoSpec: {{ . | quote }}
      {{- end }}
    {{- end }}
{{- end }}

{{- /* epplib.latencyPlugin13: the one plugin that follows predicted latency in the Go EPP 1.3 and 1.4. Where
one parameter is given, all are written, as upstream's charts did. */ -}}
{{- define "epplib.latencyPlugin13" -}}
type: predicted-latency-scorer
{{- with .Values.inferenceExtension.latencyPredictor.sloAwareRouting }}
  {{- $parameters := include "epplib.sloDefaults" $ | fromYaml }}
  {{- range $name, $value := . }}
    {{- /* What --set gives as 0.5 is a text. */}}
    {{- $is_number := regexMatch "^-?[0-9]*[.]?[0-9]+$" (include "epplib.text" $value) }}
    {{- if not (kindIs "invalid" $value) }}
      {{- $_ := set $parameters $name (ternary (float64 $value) $value $is_number) }}
    {{- end }}
  {{- end }}
parameters:
  {{- toYaml $parameters | nindent 2 }}
{{- end }}
{{- end }}

{{- /* epplib.sloDefaults: upstream's parameters of predicted-latency-scorer. */ -}}
{{- define "epplib.sloDefaults" -}}
samplingMean: 1000
maxSampledTokens: 20
sloBufferFactor: 1
negHeadroomTTFTWeight: 0.8
negHeadroomTPOTWeight: 0.2
headroomTTFTWeight: 0.8
headroomTPOTWeight: 0.2
headroomSelectionStrategy: least
compositeKVWeight: 1
compositeQueueWeight: 1
compositePrefixWeight: 1
epsilonExploreSticky: 0.01
epsilonExploreNeg: 0.01
affinityGateTau: 0.8
affinityGateTauGlobal: 0.99
selectionMode: linear
{{- end }}

{{- /* epplib.latencyPlugins15: the plugins that follow predicted latency since the Go EPP 1.5. */ -}}
{{- define "epplib.latencyPlugins15" -}}
- type: predicted-latency-producer
- type: prefix-cache-affinity-filter
  name: strict-affinity-filter
  parameters:
    affinityThreshold: 0.99
- type: prefix-cache-affinity-filter
  name: loose-affinity-filter
  parameters:
    affinityThreshold: 0.80
- type: latency-scorer
- type: weighted-random-picker
- type: slo-headroom-tier-filter
- type: latency-slo-admitter
{{- end }}
