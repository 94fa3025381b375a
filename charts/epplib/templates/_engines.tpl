{{- /* epplib.engine: the metrics of the model server where they are not vLLM's, with GAIE's names of
its flags; an empty text switches a metric off. Nothing for vllm. */ -}}
{{- define "epplib.engine" -}}
{{- $type := include "epplib.modelServerType" . -}}
{{- if eq $type "sglang" -}}
total-queued-requests-metric: sglang:num_queue_reqs
total-running-requests-metric: sglang:num_running_reqs
kv-cache-usage-percentage-metric: sglang:token_usage
cache-info-metric: sglang:cache_config_info
{{- else if eq $type "triton-tensorrt-llm" -}}
total-queued-requests-metric: nv_trt_llm_request_metrics{request_type=waiting}
total-running-requests-metric: nv_trt_llm_request_metrics{request_type=scheduled}
kv-cache-usage-percentage-metric: nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}
lora-info-metric: ""
{{- else if eq $type "trtllm-serve" -}}
total-queued-requests-metric: trtllm_num_requests_waiting
total-running-requests-metric: trtllm_num_requests_running
kv-cache-usage-percentage-metric: trtllm_kv_cache_utilization
cache-info-metric: trtllm_cache_config_info
lora-info-metric: ""
{{- end }}
{{- end }}

{{- /* epplib.metricsSource: where the model servers' metrics are: scheme, path, insecureSkipVerify. */ -}}
{{- define "epplib.metricsSource" -}}
{{- $source := .Values.inferenceExtension.metricsDataSource -}}
{{- $prometheus := and (eq (include "epplib.modelServerType" .) "trtllm-serve") (eq $source.path "/metrics") -}}
scheme: {{ $source.scheme }}
path: {{ ternary "/prometheus/metrics" $source.path $prometheus | quote }}
insecureSkipVerify: {{ $source.insecureSkipVerify }}
{{- end }}

{{- /* epplib.pluginMetrics: whether the plugin file says which metrics are read. The Go EPP 1.5 knows no
other way; 1.4 refuses the flags of another engine than vLLM. */ -}}
{{- define "epplib.pluginMetrics" -}}
{{- $version := ternary (include "epplib.version" .) "" (eq (include "epplib.implementation" .) "go") -}}
{{ or (eq $version "1.5") (and (eq $version "1.4") (ne (include "epplib.modelServerType" .) "vllm")) }}
{{- end }}

{{- /* epplib.metricFlags: the flags that say the same, as a JSON list of [name, value]. */ -}}
{{- define "epplib.metricFlags" -}}
{{- $flags := list }}
{{- if eq (include "epplib.pluginMetrics" .) "false" }}
  {{- range $name, $value := include "epplib.engine" . | fromYaml }}
    {{- $flags = append $flags (list $name $value) }}
  {{- end }}
  {{- $source := include "epplib.metricsSource" . | fromYaml }}
  {{- if ne $source.scheme "http" }}
    {{- $flags = append $flags (list "model-server-metrics-scheme" $source.scheme) }}
  {{- end }}
  {{- if ne $source.path "/metrics" }}
    {{- $flags = append $flags (list "model-server-metrics-path" $source.path) }}
  {{- end }}
  {{- if not $source.insecureSkipVerify }}
    {{- $flags = append $flags (list "model-server-metrics-https-insecure-skip-verify" "false") }}
  {{- end }}
{{- end }}
{{- toRawJson $flags }}
{{- end }}
