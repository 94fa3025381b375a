{{- /* Generated from templates/envoy/bootstrap.yaml.j2 by .ci/generate: edit that. */ -}}

{{- /* standalone.envoy (dict listener admin epp ready epp_tls body_mode fail_open upstream_http2 connection_seconds access_log node): Envoy's configuration. */ -}}
{{- define "standalone.envoy" -}}
node: { id: {{ toJson .node }}, cluster: gaiectl }
admin:
  address: { socket_address: { address: {{ toJson .admin.host }}, port_value: {{ .admin.port }} } }
overload_manager:
  resource_monitors:
  - name: envoy.resource_monitors.global_downstream_max_connections
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig
      max_active_downstream_connections: 40000
static_resources:
  listeners:
  - name: gateway
    address: { socket_address: { address: {{ toJson .listener.host }}, port_value: {{ .listener.port }} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: gateway
          # A completion may stream for hours with long gaps: no clock of the gateway ends it.
          stream_idle_timeout: 0s
          request_timeout: 0s
{{- if .connection_seconds }}
          # Envoy ends at once when it is told to: by then clients that keep connections must have left.
          common_http_protocol_options: { max_connection_duration: {{ .connection_seconds }}s }
          http1_safe_max_connection_duration: true
{{- end }}
{{- if .access_log }}
          access_log:
          - name: envoy.access_loggers.file
            filter: { status_code_filter: { comparison: { op: GE, value: { default_value: 0, runtime_key: gaiectl.access_log_from_status } } } }
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: {{ toJson .access_log }}
{{- end }}
          local_reply_config:
            mappers:
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "response.code == 413"
              body_format_override: { json_format: {"error": {"message": "the request body is larger than this gateway's limit of 33554432 bytes (32 MiB); send a shorter prompt, or images by URL instead of inline", "type": "request_too_large", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "response.code_details.startsWith(\"ext_proc_error\")"
              body_format_override: { json_format: {"error": {"message": "the endpoint picker cannot be reached; look whether it runs, and at its log", "type": "endpoint_picker_down", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "xds.cluster_name == \"unplaced\" && response.code_details == \"no_healthy_upstream\""
              body_format_override: { json_format: {"error": {"message": "the endpoint picker has not placed this request: it cannot be reached, or it named no endpoint; look whether it runs, and at its log", "type": "not_placed", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "response.code_details == \"no_healthy_upstream\""
              body_format_override: { json_format: {"error": {"message": "no endpoint can take this request; look whether the pool has model servers", "type": "no_endpoint", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "response.code_details.startsWith(\"upstream_reset_before_response_started{overflow\")"
              body_format_override: { json_format: {"error": {"message": "the gateway has as many requests under way as it takes; try again later, or add a gateway", "type": "gateway_overloaded", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "response.code_details.startsWith(\"upstream_reset_before_response_started{\") && response.code_details.matches(\"connection_(failure|timeout)\")"
              body_format_override: { json_format: {"error": {"message": "no model server that may serve this request can be connected to; look whether the model servers run (the last one tried: %UPSTREAM_HOST%)", "type": "model_server_unreachable", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "response.code_details.startsWith(\"upstream_reset_before_response_started\")"
              body_format_override: { json_format: {"error": {"message": "the model server %UPSTREAM_HOST% broke the connection off before it answered; look at its log (%RESPONSE_CODE_DETAILS%)", "type": "model_server_reset", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "response.code_details != \"\" && response.code < 500"
              body_format_override: { json_format: {"error": {"message": "the gateway does not take this request: %RESPONSE_CODE_DETAILS%; look at how the client sends it", "type": "bad_request", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
            - filter:
                extension_filter:
                  name: envoy.access_loggers.extension_filters.cel
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter
                    expression: "response.code_details != \"\""
              body_format_override: { json_format: {"error": {"message": "the gateway cannot serve this request: %RESPONSE_CODE_DETAILS%; look at its log", "type": "gateway_error", "code": "%RESPONSE_CODE%"}}, content_type: application/json }
          route_config:
            name: gateway
            virtual_hosts:
            - name: all
              domains: ["*"]
              request_body_buffer_limit: 33554432
              response_headers_to_add:
              - header: { key: x-gateway-destination-endpoint-served, value: "%UPSTREAM_REMOTE_ADDRESS%" }
                append_action: OVERWRITE_IF_EXISTS_OR_ADD
              routes:
              # Told at once when the length is announced, before a byte of the body is read.
              - match:
                  prefix: /
                  headers: [{ name: content-length, range_match: { start: 33554433, end: 9223372036854775807 } }]
                direct_response: { status: 413 }
                typed_per_filter_config:
                  envoy.filters.http.ext_proc: { "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute, disabled: true }
              - match:
                  prefix: /
{{- if not .fail_open }}
                  headers: [{ name: x-gateway-destination-endpoint, present_match: true }]
{{- end }}
                route:
                  cluster: model-servers
                  timeout: 0s
                  retry_policy:
                    # A reset is retried only while the client has seen nothing of an answer.
                    retry_on: connect-failure,refused-stream,reset
                    num_retries: 3
                    retry_back_off: { base_interval: 0.01s, max_interval: 0.25s }
{{- if not .fail_open }}
              # The route of a request before the EPP has named an endpoint, and its end if it names none.
              - match: { prefix: / }
                route: { cluster: unplaced }
{{- end }}
          http_filters:
          # Only the EPP says where a request goes.
          - name: envoy.filters.http.header_mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
              mutations: { request_mutations: [{ remove: x-gateway-destination-endpoint }] }
          - name: envoy.filters.http.ext_proc
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
              grpc_service: { envoy_grpc: { cluster_name: epp } }
              # A buffered gateway goes on without the EPP even when it fails closed: the route refuses what
              # was not placed, and what was placed does not need the EPP any more, so that an answer which
              # is streaming survives the EPP's death. In duplex mode the EPP holds bytes of the answer.
              failure_mode_allow: {{ toJson (or .fail_open (eq .body_mode "buffered")) }}
              status_on_error: { code: ServiceUnavailable }
              # Long enough for a place in the EPP's queue; a dead EPP is noticed by its connection.
              message_timeout: 1000s
              route_cache_action: CLEAR
              allow_mode_override: {{ toJson (eq .body_mode "buffered") }}
{{- if eq .body_mode "duplex" }}
              processing_mode:
                request_header_mode: SEND
                request_body_mode: FULL_DUPLEX_STREAMED
                request_trailer_mode: SEND
                response_header_mode: SEND
                response_body_mode: FULL_DUPLEX_STREAMED
                response_trailer_mode: SEND
{{- else }}
              processing_mode:
                request_header_mode: SEND
                request_body_mode: BUFFERED
                request_trailer_mode: SKIP
                response_header_mode: SKIP
                response_body_mode: NONE
                response_trailer_mode: SKIP
{{- end }}
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
{{- if .ready }}
  - name: ready
    address: { socket_address: { address: {{ toJson .ready.host }}, port_value: {{ .ready.port }} } }
    # However many clients there are, a probe gets through. ignore_global_conn_limit would do it too, but
    # gives back at the end of each connection what that never took, and so lifts the limit for others.
    bypass_overload_manager: true
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ready
          route_config:
            name: ready
            virtual_hosts:
            - name: all
              domains: ["*"]
              # Nothing else of the admin interface: it can stop Envoy.
              routes: [{ match: { path: /stats/prometheus }, route: { cluster: admin } }]
          http_filters:
          - name: envoy.filters.http.health_check
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck
              pass_through_mode: false
              headers: [{ name: ":path", string_match: { exact: /ready } }]
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
{{- end }}
  clusters:
{{- if .ready }}
  - name: admin
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: admin
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: {{ toJson .admin.host }}, port_value: {{ .admin.port }} } } } }] }]
{{- end }}
  - name: epp
    type: STATIC
    connect_timeout: 1s
    circuit_breakers: { thresholds: [{ max_connections: 40000, max_pending_requests: 40000, max_requests: 40000, max_retries: 40000 }] }
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config:
          http2_protocol_options:
            connection_keepalive: { interval: 10s, timeout: 10s }
            # One RST_STREAM per client that gives up: with 1000 unsent ones, the default, Envoy would
            # close the connection, and with it the calls of everybody else.
            max_outbound_control_frames: 100000
            initial_stream_window_size: 1048576
            initial_connection_window_size: 8388608
{{- if .epp_tls }}
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context: { alpn_protocols: [h2] }
{{- end }}
    load_assignment:
      cluster_name: epp
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: {{ toJson .epp.host }}, port_value: {{ .epp.port }} } } } }] }]
{{- if not .fail_open }}
  - { name: unplaced, type: STATIC }
{{- end }}
  - name: model-servers
    connect_timeout: 2s
    circuit_breakers: { thresholds: [{ max_connections: 40000, max_pending_requests: 40000, max_requests: 40000, max_retries: 40000 }] }
{{- if .upstream_http2 }}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: { max_outbound_control_frames: 100000 } }
{{- end }}
    type: ORIGINAL_DST
    lb_policy: CLUSTER_PROVIDED
    original_dst_lb_config: { use_http_header: true, http_header_name: x-gateway-destination-endpoint }
{{- end }}
