"""The families of the EPP itself: what GAIE and llm-d-router have in common, and our own.

Those that upstream does not have begin with ``inference_extension_`` too and are told apart by the
absence of ``[ALPHA]`` in their help.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from epp.api.metrics import Buckets, MetricFamily
from epp.metrics.recorder import RESPONSE_SAMPLE, EppMetrics
from epp.metrics.request_families import buckets

_GAIE = "inference_extension_"
_LLM_D = "llm_d_epp_"
_CODES = (
    *("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound"),
    *("AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted"),
    *("OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"),
)
"""Names of gRPC's statuses, as Go writes them."""

_Kind = Literal["counter", "gauge", "histogram"]
_Samples = Iterable[tuple[Sequence[str], float | Buckets]]


def extension_families(metrics: EppMetrics) -> Iterator[MetricFamily]:
    """Return ``inference_extension_*`` and their likes among ``llm_d_epp_*``."""
    yield from _both(
        "scheduler_e2e_duration_seconds",
        "histogram",
        "Seconds of a scheduling cycle.",
        (),
        [((), buckets(metrics.scheduling))],
    )
    yield from _attempts(metrics)
    yield from _both(
        "plugin_duration_seconds",
        "histogram",
        "Seconds of each plugin at each extension point. Only a sample of decisions is timed.",
        ("extension_point", "plugin_type", "plugin_name"),
        [(labels, buckets(histogram)) for labels, histogram in list(metrics.plugins.items())],
    )
    yield MetricFamily(
        f"{_LLM_D}plugin_data_scope_violations_total",
        "counter",
        "[ALPHA] Data of a request that filters and scorers published, which is for producers to "
        "do; seen in the requests whose plugins are timed.",
        ("extension_point", "plugin_type", "plugin_name", "access"),
        list(metrics.scope_violations.items()),
    )
    yield from _prefixes(metrics)
    yield from _both(
        "info",
        "gauge",
        "What this EPP was built from.",
        ("commit", "build_ref"),
        [((metrics.commit, metrics.build_ref), 1)],
    )
    yield from _both(
        "model_rewrite_decisions_total",
        "counter",
        "Requests whose model was replaced, by the object that says so.",
        ("model_rewrite_name", "model_name", "target_model"),
        list(metrics.rewrites.items()),
    )
    yield from _llm_d(metrics)


def _attempts(metrics: EppMetrics) -> Iterator[MetricFamily]:
    samples: list[tuple[Sequence[str], float]] = [
        (("success", model, endpoint.name, endpoint.namespace, str(endpoint.port)), count)
        for (model, endpoint), count in list(metrics.attempts.items())
    ]
    samples.append((("failure", "", "", "", ""), metrics.unschedulable))
    for prefix, name in ((_GAIE, "pod_name"), (_LLM_D, "endpoint_name")):
        yield MetricFamily(
            f"{prefix}scheduler_attempts_total",
            "counter",
            "[ALPHA] Scheduling cycles, by their result.",
            ("status", "target_model_name", name, "namespace", "port"),
            samples,
        )


def _prefixes(metrics: EppMetrics) -> Iterator[MetricFamily]:
    size = metrics.prefix_indexer_size() if metrics.prefix_indexer_size else 0
    yield MetricFamily(
        f"{_GAIE}prefix_indexer_size",
        "gauge",
        "[ALPHA] Entries of the prefix index.",
        (),
        [((), size)],
    )
    yield MetricFamily(
        f"{_GAIE}prefix_indexer_hit_ratio",
        "histogram",
        "[ALPHA] Share of a prompt that the chosen endpoint is thought to have cached.",
        (),
        [((), buckets(metrics.prefix_hit_ratio))],
    )
    yield MetricFamily(
        f"{_GAIE}prefix_indexer_hit_bytes",
        "histogram",
        "[ALPHA] Bytes of a prompt that the chosen endpoint is thought to have cached.",
        (),
        [((), buckets(metrics.prefix_hit_bytes))],
    )


def _llm_d(metrics: EppMetrics) -> Iterator[MetricFamily]:
    yield MetricFamily(
        f"{_LLM_D}request_processing_duration_seconds",
        "histogram",
        "[ALPHA] Seconds from a request's arrival to the answer where it goes.",
        (),
        [((), buckets(metrics.processing))],
    )
    yield MetricFamily(
        f"{_LLM_D}response_processing_duration_seconds",
        "histogram",
        "[ALPHA] Seconds spent on the parts of a streamed response, or from the headers of another "
        f"to its end; of every {RESPONSE_SAMPLE}th response.",
        (),
        [((), buckets(metrics.responding))],
    )
    yield MetricFamily(
        f"{_LLM_D}datalayer_poll_errors_total",
        "counter",
        "[ALPHA] Failures of data sources.",
        ("source_type",),
        [((source,), n) for source, n in list(metrics.poll_errors.items())],
    )
    yield MetricFamily(
        f"{_LLM_D}datalayer_extract_errors_total",
        "counter",
        "[ALPHA] Failures of extractors.",
        ("source_type", "extractor_type"),
        list(metrics.extract_errors.items()),
    )
    if metrics.streams is None:
        return
    yield MetricFamily(
        f"{_LLM_D}extproc_streams_inflight",
        "gauge",
        "[ALPHA] Streams of the proxy that are open now.",
        (),
        [((), metrics.streams_open)],
    )
    yield MetricFamily(
        f"{_LLM_D}extproc_stream_duration_seconds",
        "histogram",
        "[ALPHA] Seconds that streams of the proxy were open.",
        (),
        [((), buckets(metrics.streams.seconds))],
    )
    yield MetricFamily(
        f"{_LLM_D}extproc_streams_total",
        "counter",
        "[ALPHA] Streams of the proxy, by the status they ended with.",
        ("code",),
        [((_CODES[code],), n) for code, n in list(metrics.streams.codes.items())],
    )


def own_families(metrics: EppMetrics) -> Iterator[MetricFamily]:
    """Return what only this EPP counts."""
    for name, kind, text, value in _OWN:
        yield MetricFamily(_GAIE + name, kind, text, (), [((), getattr(metrics, value))])
    yield MetricFamily(
        f"{_GAIE}scrape_errors_total",
        "counter",
        "Scrapes of model servers that brought none, by reason.",
        ("kind",),
        [((kind,), n) for kind, n in list(metrics.scrape_errors.items())],
    )


_OWN: Sequence[tuple[str, _Kind, str, str]] = (
    ("streams_open", "gauge", "Streams of the proxy that are open now.", "streams_open"),
    (
        "scrapes_total",
        "counter",
        "Scrapes of model servers that brought load figures.",
        "scrapes",
    ),
    (
        "discovery_reload_errors_total",
        "counter",
        "Attempts to read the endpoints that kept the old state.",
        "discovery_errors",
    ),
    (
        "discovery_last_reload_success",
        "gauge",
        "1 if the endpoints in use are those last given, 0 if these could not be used.",
        "discovery_is_current",
    ),
    (
        "discovery_last_success_timestamp_seconds",
        "gauge",
        "When the endpoints were last read, in Unix seconds; 0 for never.",
        "discovery_last_success",
    ),
    (
        "discovery_unresolved_names",
        "gauge",
        "Host names of endpoints that did not resolve at the last attempt.",
        "unresolved_names",
    ),
)


def _both(
    name: str, kind: _Kind, text: str, labels: Sequence[str], samples: _Samples
) -> Iterator[MetricFamily]:
    for prefix in (_GAIE, _LLM_D):
        yield MetricFamily(prefix + name, kind, f"[ALPHA] {text}", labels, samples)
