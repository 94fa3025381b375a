"""The families of requests: GAIE's by model, llm-d-router's by fairness id and priority too.

GAIE 1.5 counts ``request_total`` by priority as well. So do we: whoever sums over the labels that
are of no interest, as the dashboards of all releases do, reads the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from epp.api.metrics import Buckets, MetricFamily
from epp.metrics.recorder import EppMetrics
from epp.metrics.requests import RequestSeries, merged
from epp.metrics.series import Histogram

_MODEL = ("model_name", "target_model_name")
_FLOW = (*_MODEL, "fairness_id", "priority")

_Series = Sequence[tuple[Sequence[str], RequestSeries]]
_Of = Callable[[RequestSeries], Histogram]

_FROM_RESPONSE: Sequence[tuple[str, str, str, _Of]] = (
    (
        "request_duration_seconds",
        "request_duration_seconds",
        "Seconds from a request's arrival to the end of its response.",
        lambda s: s.duration,
    ),
    (
        "response_sizes",
        "response_size_bytes",
        "Bytes of response bodies.",
        lambda s: s.response_sizes,
    ),
    ("input_tokens", "request_input_tokens", "Tokens of prompts.", lambda s: s.input_tokens),
    ("output_tokens", "request_output_tokens", "Tokens generated.", lambda s: s.output_tokens),
    (
        "prompt_cached_tokens",
        "request_cached_tokens",
        "Tokens of prompts that came out of the model server's cache.",
        lambda s: s.cached_tokens,
    ),
    (
        "normalized_time_per_output_token_seconds",
        "request_ntpot_seconds",
        "Duration of a request divided by the tokens generated.",
        lambda s: s.seconds_per_token,
    ),
)
_STREAMED: Sequence[tuple[str, str, _Of]] = (
    (
        "request_streaming_tpot_seconds",
        "Mean seconds between the tokens of a streamed response.",
        lambda s: s.per_token,
    ),
    (
        "request_streaming_itl_seconds",
        "Seconds between two parts of a streamed response.",
        lambda s: s.between_tokens,
    ),
)


def request_families(metrics: EppMetrics) -> Iterator[MetricFamily]:
    """Return ``inference_objective_*`` and their likes among ``llm_d_epp_*``."""
    flows: _Series = [
        ((model, target, fairness, str(priority)), series)
        for (model, target, fairness, priority), series in metrics.requests.items()
    ]
    models = _merged(flows, lambda labels: labels[:2])
    note = metrics.response_note and f" {metrics.response_note}"
    yield from _counts(models, flows)
    sizes = "Bytes of request bodies."
    yield _histogram("inference_objective_request_sizes", sizes, _MODEL, models, _size)
    yield _histogram("llm_d_epp_request_size_bytes", sizes, _FLOW, flows, _size)
    for gaie, llm_d, text, of in _FROM_RESPONSE:
        yield _histogram(f"inference_objective_{gaie}", text + note, _MODEL, models, of)
        yield _histogram(f"llm_d_epp_{llm_d}", text + note, _FLOW, flows, of)
    yield MetricFamily(
        "llm_d_epp_request_ttft_seconds",
        "histogram",
        f"[ALPHA] Seconds from a request's arrival to the first part of its response.{note}",
        (*_FLOW, "streaming"),
        [
            ((*labels, is_streaming), buckets(histogram))
            for labels, series in flows
            for is_streaming, histogram in (
                ("false", series.first_token),
                ("true", series.first_token_streamed),
            )
        ],
    )
    for name, text, of in _STREAMED:
        yield _histogram(f"llm_d_epp_{name}", text + note, _FLOW, flows, of)


def _counts(models: _Series, flows: _Series) -> Iterator[MetricFamily]:
    total = "[ALPHA] Requests that were scheduled, by model and target model."
    yield MetricFamily(
        "inference_objective_request_total",
        "counter",
        total,
        (*_MODEL, "priority"),
        [
            (labels, series.sizes.count)
            for labels, series in _merged(flows, lambda labels: (*labels[:2], labels[3]))
            if series.sizes.count
        ],
    )
    yield MetricFamily(
        "llm_d_epp_request_total",
        "counter",
        total,
        _FLOW,
        [(labels, series.sizes.count) for labels, series in flows if series.sizes.count],
    )
    failed = "[ALPHA] Requests that were refused or failed, by reason."
    for prefix, names, of in (("inference_objective", _MODEL, models), ("llm_d_epp", _FLOW, flows)):
        yield MetricFamily(
            f"{prefix}_request_error_total",
            "counter",
            failed,
            (*names, "error_code"),
            [((*labels, code), n) for labels, s in of for code, n in _by_code(s).items()],
        )
    causes: Counter[tuple[str, str]] = Counter()
    for _, series in flows:
        causes.update(series.errors)
    yield MetricFamily(
        "inference_extension_request_failures_total",
        "counter",
        "Requests that were refused or failed, by code and cause.",
        ("error_code", "cause"),
        list(causes.items()),
    )
    running: dict[str, int] = {}
    for (model, *_), series in models:
        if model and series.sizes.count:
            running[model] = running.get(model, 0) + series.running
    yield MetricFamily(
        "inference_objective_running_requests",
        "gauge",
        "[ALPHA] Requests being served now.",
        ("model_name",),
        [((model,), count) for model, count in running.items()],
    )
    yield MetricFamily(
        "llm_d_epp_request_running",
        "gauge",
        "[ALPHA] Requests being served now.",
        _FLOW,
        [(labels, series.running) for labels, series in flows if series.sizes.count],
    )


def _by_code(series: RequestSeries) -> Mapping[str, int]:
    codes: Counter[str] = Counter()
    for (code, _), count in series.errors.items():
        codes[code] += count
    return codes


def _size(series: RequestSeries) -> Histogram:
    return series.sizes


def buckets(histogram: Histogram) -> Buckets:
    """Return the state of a histogram."""
    return Buckets(histogram.bounds, histogram.counts, histogram.total)


def _histogram(
    name: str, text: str, labels: Sequence[str], series: _Series, of: _Of
) -> MetricFamily:
    samples: Iterable[tuple[Sequence[str], Buckets]] = (
        (values, buckets(of(one))) for values, one in series
    )
    return MetricFamily(name, "histogram", f"[ALPHA] {text}", labels, samples)


def _merged(flows: _Series, key: Callable[[Sequence[str]], Sequence[str]]) -> _Series:
    groups: dict[tuple[str, ...], list[RequestSeries]] = {}
    for labels, series in flows:
        groups.setdefault(tuple(key(labels)), []).append(series)
    return [
        (labels, parts[0] if len(parts) == 1 else merged(parts)) for labels, parts in groups.items()
    ]
