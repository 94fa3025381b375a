"""Every command line flag of the EPP, stated once: name, type, default and meaning.

The names, types and defaults are the Go EPP's, so that either program runs from the same chart.
"""

from dataclasses import dataclass, field
from typing import Any, Final


def flag(default: Any, help_text: str, **extra: Any) -> Any:
    """Declare a flag: its default, one line of help, and parsing details."""
    return field(default=default, metadata={"help": help_text, **extra})


DURATION: Final = "duration"
INTEGERS: Final = "integers"
QUANTITY: Final = "quantity"
SHARE: Final = "share"


@dataclass(frozen=True, slots=True)
class Options:
    """Parsed flags; a field ``grpc_port`` is the flag ``--grpc-port``."""

    grpc_port: int = flag(9002, "port of the ext-proc listener")
    grpc_health_port: int = flag(9003, "port of the plaintext gRPC health listener")
    metrics_port: int = flag(9090, "port of /metrics, /healthz and /readyz")
    bind_address: str = flag("", "address to listen on; empty is all interfaces")
    workers: int = flag(0, "processes that serve streams; 0 serves them in this one")
    config_file: str = flag("", "EndpointPickerConfig, YAML or JSON; or preset:NAME")
    config_text: str = flag("", "the same, inline")
    config_reload: bool = flag(
        default=True,
        help_text="use --config-file again when it changes; a bad edit changes nothing",
    )
    secure_serving: bool = flag(default=True, help_text="TLS on the ext-proc port; false is h2c")
    cert_path: str = flag("", "directory with tls.crt and tls.key; empty is self-signed")
    enable_cert_reload: bool = flag(default=False, help_text="load the certificate again on change")
    tls_min_version: str = flag("", "VersionTLS12, which is the default, or VersionTLS13")
    tls_cipher_suites: str = flag("", "cipher suites of TLS 1.2 by their names in Go")
    health_checking: bool = flag(
        default=False, help_text="serve grpc.health.v1 on the ext-proc port too"
    )
    drain_delay: float = flag(
        0.0,
        "time to serve as before on SIGTERM, until another leader takes over",
        kind=DURATION,
    )
    drain_timeout: float = flag(30.0, "time for open streams to end on SIGTERM", kind=DURATION)
    max_request_body_bytes: int = flag(32 * 1024 * 1024, "larger request bodies are answered 413")
    grpc_max_recv_msg_size: int = flag(
        0, "largest ext-proc message taken; 0 follows --max-request-body-bytes", kind=QUANTITY
    )
    grpc_max_send_msg_size: int = flag(
        0, "accepted; no message that is sent is larger than what came", kind=QUANTITY
    )
    response_observation: str = flag(
        "",
        "watch responses: off, headers, sampled:P, full; empty is what plugins need",
    )
    allow_mode_override: bool = flag(
        default=False,
        help_text="the filter has allow_mode_override: ask for streamed bodies in one piece",
    )
    compat: str = flag("gaie-1.4", "the Go EPP whose error texts and codes clients know")
    refresh_metrics_interval: float = flag(
        0.05, "scrape interval of an endpoint while requests flow", kind=DURATION
    )
    refresh_prometheus_metrics_interval: float = flag(
        5.0, "accepted; the pool gauges are computed when they are read", kind=DURATION
    )
    metrics_staleness_threshold: float = flag(
        2.0, "age at which scraped figures mean nothing any more", kind=DURATION
    )
    model_server_metrics_scheme: str = flag("http", "http or https")
    model_server_metrics_path: str = flag("/metrics", "path scraped on each endpoint")
    model_server_metrics_port: int = flag(0, "port scraped instead of the endpoint's own")
    model_server_metrics_https_insecure_skip_verify: bool = flag(
        default=True, help_text="do not verify the model servers' certificates"
    )
    total_queued_requests_metric: str = flag("", "metric with the number of queued requests")
    total_running_requests_metric: str = flag("", "metric with the number of running requests")
    kv_cache_usage_percentage_metric: str = flag("", "metric with the used share of the KV cache")
    lora_info_metric: str = flag("", "metric with the LoRA adapters as labels")
    cache_info_metric: str = flag("", "metric with the cache geometry as labels")
    disable_endpoint_subset_filter: bool = flag(
        default=False, help_text="ignore the candidate subset that the gateway sends"
    )
    metrics_endpoint_auth: bool = flag(
        default=True, help_text="ask Kubernetes who may read /metrics"
    )
    metrics_cert_dir: str = flag("", "directory with tls.crt and tls.key of the metrics port")
    metrics_client_ca_file: str = flag("", "who signs the certificates of readers of metrics")
    enable_grpc_stream_metrics: bool = flag(
        default=False, help_text="count how streams of the proxy end"
    )
    enable_decision_records: bool = flag(
        default=False,
        help_text="keep why requests with the header x-gateway-inference-explain went where",
    )
    decision_records_share: float = flag(
        0.0, "keep it of this share of all requests too, 0 to 1; epp replay reads it", kind=SHARE
    )
    emit_endpoint_scores: bool = flag(
        default=False, help_text="tell the gateway the scores of all endpoints, as metadata"
    )
    allow_experimental_plugins: bool = flag(
        default=False, help_text="say nothing of experimental plugins, which work anyway"
    )
    tracing: bool = flag(
        default=True, help_text="export spans, if given or if OTEL_* variables say where to"
    )
    enable_pprof: bool = flag(default=True, help_text="accepted; Go profiles do not exist here")
    v: int = flag(2, "verbosity: 3 logs each request, 4 at debug level, 5 at trace level")
    zap_devel: bool = flag(default=True, help_text="accepted; use --zap-encoder")
    zap_encoder: str = flag("json", "json or console")
    zap_log_level: str = flag("", "debug, info, error, panic or a verbosity; wins over --v")
    zap_stacktrace_level: str = flag("error", "info, error or panic")
    zap_time_encoding: str = flag("rfc3339", "epoch, millis, nano, iso8601, rfc3339 or rfc3339nano")
    pool_name: str = flag("", "InferencePool to serve; or give --endpoint-selector")
    pool_namespace: str = flag("", "namespace of it; empty is NAMESPACE, then default")
    pool_group: str = flag("inference.networking.k8s.io", "API group of the pool")
    endpoint_selector: str = flag("", "labels of the pods to serve, without a pool")
    endpoint_target_ports: tuple[int, ...] = flag((), "ports of those pods", kind=INTEGERS)
    kubeconfig: str = flag("", "how to reach Kubernetes from outside of it")
    ha_enable_leader_election: bool = flag(
        default=False, help_text="be ready only while holding a Lease"
    )
    ha_lease_duration: float = flag(
        15.0, "how long others wait for a leader that is not heard of", kind=DURATION
    )
    ha_renew_deadline: float = flag(
        10.0, "how long a leader may fail to renew its Lease before it says so", kind=DURATION
    )
    ha_retry_period: float = flag(
        2.0, "between two attempts to get or renew the Lease", kind=DURATION
    )


LOG_LEVELS: Final = ("debug", "info", "error", "panic")

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "compat": ("gaie-1.3", "gaie-1.4", "gaie-1.5", "llm-d-0.9"),
    "model_server_metrics_scheme": ("http", "https"),
    "zap_encoder": ("json", "console"),
    "zap_time_encoding": ("epoch", "millis", "nano", "iso8601", "rfc3339", "rfc3339nano"),
    "zap_stacktrace_level": ("info", "error", "panic"),
}
