{{- /* The flags that each EPP knows. Made by .ci/generate from epp/server/options.py and
charts/schema/flags.yaml. */ -}}

{{- /* epplib.knownFlags.python: names, as a YAML list. */ -}}
{{- define "epplib.knownFlags.python" -}}
- allow-experimental-plugins
- allow-mode-override
- bind-address
- cache-info-metric
- cert-path
- compat
- config-file
- config-reload
- config-text
- decision-records-share
- disable-endpoint-subset-filter
- drain-delay
- drain-timeout
- emit-endpoint-scores
- enable-cert-reload
- enable-decision-records
- enable-grpc-stream-metrics
- enable-pprof
- endpoint-selector
- endpoint-target-ports
- grpc-health-port
- grpc-max-recv-msg-size
- grpc-max-send-msg-size
- grpc-port
- ha-enable-leader-election
- ha-lease-duration
- ha-renew-deadline
- ha-retry-period
- health-checking
- kubeconfig
- kv-cache-usage-percentage-metric
- lora-info-metric
- max-request-body-bytes
- metrics-cert-dir
- metrics-client-ca-file
- metrics-endpoint-auth
- metrics-port
- metrics-staleness-threshold
- model-server-metrics-https-insecure-skip-verify
- model-server-metrics-path
- model-server-metrics-port
- model-server-metrics-scheme
- pool-group
- pool-name
- pool-namespace
- refresh-metrics-interval
- refresh-prometheus-metrics-interval
- response-observation
- secure-serving
- tls-cipher-suites
- tls-min-version
- total-queued-requests-metric
- total-running-requests-metric
- tracing
- v
- workers
- zap-devel
- zap-encoder
- zap-log-level
- zap-stacktrace-level
- zap-time-encoding
{{- end }}

{{- /* epplib.knownFlags.go: names by release, and those that llm-d's EPP has besides, as a YAML map
of lists. */ -}}
{{- define "epplib.knownFlags.go" -}}
'1.3':
- cache-info-metric
- cert-path
- config-file
- config-text
- disable-endpoint-subset-filter
- enable-cert-reload
- enable-pprof
- endpoint-selector
- endpoint-target-ports
- grpc-health-port
- grpc-port
- ha-enable-leader-election
- health-checking
- kv-cache-usage-percentage-metric
- lora-info-metric
- metrics-endpoint-auth
- metrics-port
- metrics-staleness-threshold
- model-server-metrics-https-insecure-skip-verify
- model-server-metrics-path
- model-server-metrics-port
- model-server-metrics-scheme
- pool-group
- pool-name
- pool-namespace
- refresh-metrics-interval
- refresh-prometheus-metrics-interval
- secure-serving
- total-queued-requests-metric
- total-running-requests-metric
- tracing
- v
- zap-devel
- zap-encoder
- zap-log-level
- zap-stacktrace-level
- zap-time-encoding
'1.4':
- cert-path
- config-file
- config-text
- disable-endpoint-subset-filter
- enable-cert-reload
- enable-pprof
- endpoint-selector
- endpoint-target-ports
- grpc-health-port
- grpc-port
- ha-enable-leader-election
- health-checking
- metrics-endpoint-auth
- metrics-port
- metrics-staleness-threshold
- model-server-metrics-https-insecure-skip-verify
- model-server-metrics-path
- model-server-metrics-port
- model-server-metrics-scheme
- pool-group
- pool-name
- pool-namespace
- refresh-metrics-interval
- refresh-prometheus-metrics-interval
- secure-serving
- tracing
- v
- zap-devel
- zap-encoder
- zap-log-level
- zap-stacktrace-level
- zap-time-encoding
'1.5':
- cert-path
- config-file
- config-text
- disable-endpoint-subset-filter
- enable-cert-reload
- enable-pprof
- endpoint-selector
- endpoint-target-ports
- grpc-health-port
- grpc-port
- ha-enable-leader-election
- health-checking
- metrics-endpoint-auth
- metrics-port
- metrics-staleness-threshold
- model-server-metrics-https-insecure-skip-verify
- model-server-metrics-path
- model-server-metrics-port
- model-server-metrics-scheme
- pool-group
- pool-name
- pool-namespace
- refresh-metrics-interval
- refresh-prometheus-metrics-interval
- secure-serving
- tracing
- v
- zap-devel
- zap-encoder
- zap-log-level
- zap-stacktrace-level
- zap-time-encoding
llm-d:
- allow-experimental-plugins
- drain-timeout
- emit-endpoint-scores
- enable-grpc-stream-metrics
- grpc-max-recv-msg-size
- grpc-max-send-msg-size
- metrics-cert-dir
- metrics-client-ca-file
- tls-cipher-suites
- tls-min-version
{{- end }}

{{- /* epplib.flagKinds: boolean, integer, duration or a list of words, by name, as a YAML map; a
flag that is not here takes any text. */ -}}
{{- define "epplib.flagKinds" -}}
allow-experimental-plugins: boolean
allow-mode-override: boolean
compat:
- gaie-1.3
- gaie-1.4
- gaie-1.5
- llm-d-0.9
config-reload: boolean
disable-endpoint-subset-filter: boolean
drain-delay: duration
drain-timeout: duration
emit-endpoint-scores: boolean
enable-cert-reload: boolean
enable-decision-records: boolean
enable-grpc-stream-metrics: boolean
enable-pprof: boolean
grpc-health-port: integer
grpc-port: integer
ha-enable-leader-election: boolean
ha-lease-duration: duration
ha-renew-deadline: duration
ha-retry-period: duration
health-checking: boolean
max-request-body-bytes: integer
metrics-endpoint-auth: boolean
metrics-port: integer
metrics-staleness-threshold: duration
model-server-metrics-https-insecure-skip-verify: boolean
model-server-metrics-port: integer
model-server-metrics-scheme:
- http
- https
refresh-metrics-interval: duration
refresh-prometheus-metrics-interval: duration
secure-serving: boolean
tracing: boolean
v: integer
workers: integer
zap-devel: boolean
zap-encoder:
- json
- console
zap-stacktrace-level:
- info
- error
- panic
zap-time-encoding:
- epoch
- millis
- nano
- iso8601
- rfc3339
- rfc3339nano
{{- end }}
