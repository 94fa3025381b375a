"""The counts as Prometheus text; prometheus-client owns the format.

Names, labels and buckets of GAIE's families are its own. Those it does not have begin with
``inference_extension_`` too and are told apart by the absence of ``[ALPHA]`` in their help.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from statistics import fmean

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from epp.api.endpoint import Candidate
from epp.metrics.recorder import EppMetrics, ModelSeries
from epp.metrics.series import Histogram

_MODEL = ("model_name", "target_model_name")
_Samples = Iterable[tuple[Sequence[str], float]]


def expose(metrics: EppMetrics) -> tuple[bytes, str]:
    """Return the text of all families and its content type."""
    registry = CollectorRegistry()
    registry.register(_Families(metrics))
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _Families(Collector):
    def __init__(self, metrics: EppMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from _objective(self._metrics)
        yield from _pools(self._metrics)
        yield from _extension(self._metrics)
        yield from _own(self._metrics)


def _objective(metrics: EppMetrics) -> Iterator[Metric]:
    def model_histogram(
        name: str, text: str, of: Callable[[ModelSeries], Histogram]
    ) -> HistogramMetricFamily:
        children = ((values, of(series)) for values, series in metrics.models.items())
        return _histogram(f"inference_objective_{name}", f"[ALPHA] {text}", _MODEL, children)

    yield _counter(
        "inference_objective_request_total",
        "[ALPHA] Requests that were scheduled, by model and target model.",
        _MODEL,
        ((v, s.sizes.count) for v, s in metrics.models.items() if s.sizes.count),
    )
    yield _counter(
        "inference_objective_request_error_total",
        "[ALPHA] Requests that were refused or failed, by reason.",
        (*_MODEL, "error_code"),
        (((*v, code), n) for v, s in metrics.models.items() for code, n in s.errors.items()),
    )
    yield model_histogram(
        "request_duration_seconds",
        "Seconds from a request's arrival to the end of its response.",
        lambda s: s.duration,
    )
    yield model_histogram("request_sizes", "Bytes of request bodies.", lambda s: s.sizes)
    yield model_histogram("response_sizes", "Bytes of response bodies.", lambda s: s.response_sizes)
    yield model_histogram("input_tokens", "Tokens of prompts.", lambda s: s.input_tokens)
    yield model_histogram("output_tokens", "Tokens generated.", lambda s: s.output_tokens)
    yield model_histogram(
        "prompt_cached_tokens",
        "Tokens of prompts that came out of the model server's cache.",
        lambda s: s.cached_tokens,
    )
    yield model_histogram(
        "normalized_time_per_output_token_seconds",
        "Duration of a request divided by the tokens generated.",
        lambda s: s.seconds_per_token,
    )
    yield _gauge(
        "inference_objective_running_requests",
        "[ALPHA] Requests being served now.",
        ("model_name",),
        (((model,), count) for model, count in _running(metrics).items()),
    )


def _running(metrics: EppMetrics) -> Mapping[str, int]:
    """Return the running requests by incoming model; header-only requests name none."""
    running: dict[str, int] = {}
    for (model, _), series in metrics.models.items():
        if model and series.sizes.count:
            running[model] = running.get(model, 0) + series.running
    return running


def _pools(metrics: EppMetrics) -> Iterator[Metric]:
    views = [(name, view()) for name, view in metrics.pools.items()]
    synced = [(name, candidates) for name, candidates in views if candidates is not None]
    fresh = {name: [c for c in candidates if c.is_fresh] for name, candidates in synced}
    for name, candidates in fresh.items():
        if candidates:
            metrics.pool_means[name] = (
                fmean(c.metrics.kv_usage for c in candidates),
                fmean(c.metrics.waiting for c in candidates),
                fmean(c.metrics.running for c in candidates),
            )
    for index, (gauge, text) in enumerate(
        (
            ("average_kv_cache_utilization", "Mean share of the KV cache in use."),
            ("average_queue_size", "Mean number of requests waiting."),
            ("average_running_requests", "Mean number of requests running."),
        )
    ):
        yield _gauge(
            f"inference_pool_{gauge}",
            f"[ALPHA] {text}",
            ("name",),
            (((name,), means[index]) for name, means in metrics.pool_means.items()),
        )
    yield _gauge(
        "inference_pool_ready_pods",
        "[ALPHA] Endpoints whose load is known.",
        ("name",),
        (((name,), len(candidates)) for name, candidates in fresh.items()),
    )
    pods = [(name, pod, c) for name, cs in synced for pod, c in zip(_pods(cs), cs, strict=True)]
    yield _gauge(
        "inference_pool_per_pod_queue_size",
        "[ALPHA] Requests waiting in each model server.",
        ("name", "model_server_pod"),
        (((name, pod), c.metrics.waiting) for name, pod, c in pods),
    )
    yield _gauge(
        "inference_extension_endpoint_inflight_requests",
        "Requests this EPP has sent to each endpoint that have not ended.",
        ("name", "model_server_pod"),
        (((name, pod), c.inflight) for name, pod, c in pods),
    )
    yield _gauge(
        "inference_extension_endpoint_reachable",
        "1 if the endpoint takes connections, as far as is known.",
        ("name", "model_server_pod"),
        (((name, pod), c.is_reachable) for name, pod, c in pods),
    )
    now = time.monotonic()
    yield _gauge(
        "inference_extension_endpoint_metrics_age_seconds",
        "Age of the load figures of each endpoint; absent until there are any.",
        ("name", "model_server_pod"),
        (
            ((name, pod), now - c.metrics.updated_at)
            for name, pod, c in pods
            if c.metrics.updated_at
        ),
    )
    unknown = "missing in what the model server exports"
    yield _gauge(
        "inference_extension_model_server_metric_missing",
        f"1 for each metric that decisions need and that is {unknown}.",
        ("name", "model_server_pod", "metric"),
        (
            ((name, pod, metric), 1)
            for name, pod, c in pods
            for metric in metrics.missing.get(c.endpoint, ())
        ),
    )


def _extension(metrics: EppMetrics) -> Iterator[Metric]:
    def single(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
        return _histogram(f"inference_extension_{name}", f"[ALPHA] {text}", (), [((), histogram)])

    yield single(
        "scheduler_e2e_duration_seconds",
        "Seconds of a scheduling cycle.",
        metrics.scheduling,
    )
    yield _counter(
        "inference_extension_scheduler_attempts_total",
        "[ALPHA] Scheduling cycles.",
        ("status",),
        [
            (("success",), metrics.scheduling.count - metrics.unschedulable),
            (("failure",), metrics.unschedulable),
        ],
    )
    yield _histogram(
        "inference_extension_plugin_duration_seconds",
        "[ALPHA] Seconds of each plugin at each extension point.",
        ("extension_point", "plugin_type", "plugin_name"),
        metrics.plugins.items(),
    )
    yield _gauge(
        "inference_extension_prefix_indexer_size",
        "[ALPHA] Entries of the prefix index.",
        (),
        [((), metrics.prefix_indexer_size() if metrics.prefix_indexer_size else 0)],
    )
    yield single(
        "prefix_indexer_hit_ratio",
        "Share of a prompt that the chosen endpoint is thought to have cached.",
        metrics.prefix_hit_ratio,
    )
    yield single(
        "prefix_indexer_hit_bytes",
        "Bytes of a prompt that the chosen endpoint is thought to have cached.",
        metrics.prefix_hit_bytes,
    )
    yield _gauge(
        "inference_extension_info",
        "[ALPHA] What this EPP was built from.",
        ("commit", "build_ref"),
        [((metrics.commit, metrics.build_ref), 1)],
    )


def _own(metrics: EppMetrics) -> Iterator[Metric]:
    yield _gauge(
        "inference_extension_streams_open",
        "Streams of the proxy that are open now.",
        (),
        [((), metrics.streams_open)],
    )
    yield _counter(
        "inference_extension_scrapes_total",
        "Scrapes of model servers that brought load figures.",
        (),
        [((), metrics.scrapes)],
    )
    yield _counter(
        "inference_extension_scrape_errors_total",
        "Scrapes of model servers that brought none, by reason.",
        ("kind",),
        (((kind,), count) for kind, count in metrics.scrape_errors.items()),
    )
    yield _counter(
        "inference_extension_discovery_reload_errors_total",
        "Attempts to read the endpoints that kept the old state.",
        (),
        [((), metrics.discovery_errors)],
    )
    yield _gauge(
        "inference_extension_discovery_last_reload_success",
        "1 if the endpoints in use are those last given, 0 if these could not be used.",
        (),
        [((), metrics.discovery_is_current)],
    )
    yield _gauge(
        "inference_extension_discovery_last_success_timestamp_seconds",
        "When the endpoints were last read, in Unix seconds; 0 for never.",
        (),
        [((), metrics.discovery_last_success)],
    )
    yield _gauge(
        "inference_extension_discovery_unresolved_names",
        "Host names of endpoints that did not resolve at the last attempt.",
        (),
        [((), metrics.unresolved_names)],
    )


def _pods(candidates: Sequence[Candidate]) -> list[str]:
    """Return a label for each endpoint: its name, with the namespace only where names collide."""
    count = Counter(candidate.endpoint.name for candidate in candidates)
    return [
        name if count[name] == 1 else f"{candidate.endpoint.namespace}/{name}"
        for candidate in candidates
        for name in (candidate.endpoint.name,)
    ]


def _counter(name: str, text: str, labels: Sequence[str], samples: _Samples) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _gauge(name: str, text: str, labels: Sequence[str], samples: _Samples) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _histogram(
    name: str,
    text: str,
    labels: Sequence[str],
    children: Iterable[tuple[Sequence[str], Histogram]],
) -> HistogramMetricFamily:
    """Return the family; with labels, children that saw nothing are left out, as in Go."""
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, child in children:
        if not labels or child.count:
            bounds = [*(_bound(bound) for bound in child.bounds), "+Inf"]
            buckets = list(zip(bounds, accumulate(child.counts), strict=True))
            family.add_metric(values, buckets, child.total)
    return family


def _bound(value: float) -> str:
    """Return an upper bound as Go writes it, because it is a label: 1, not 1.0."""
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text.removesuffix(".0")
