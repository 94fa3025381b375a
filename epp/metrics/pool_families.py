"""The families of pools and their endpoints."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import fsum, sqrt
from statistics import fmean

from epp.api.endpoint import Candidate
from epp.api.metrics import MetricFamily
from epp.metrics.recorder import EppMetrics

_FIGURES: Sequence[tuple[str, str, Callable[[Candidate], float]]] = (
    ("kv_cache_utilization", "share of the KV cache in use", lambda c: c.metrics.kv_usage),
    ("queue_size", "number of requests waiting", lambda c: c.metrics.waiting),
    ("running_requests", "number of requests running", lambda c: c.metrics.running),
)
_POD = ("name", "model_server_pod")


def pool_families(metrics: EppMetrics) -> Iterator[MetricFamily]:
    """Return ``inference_pool_*``, their likes among ``llm_d_epp_*``, and those of endpoints.

    The means are over endpoints with fresh figures; while there are none, they stay as they were.
    """
    views = [(name, view()) for name, view in metrics.pools.items()]
    synced = [(name, candidates) for name, candidates in views if candidates is not None]
    fresh = {name: [c for c in candidates if c.is_fresh] for name, candidates in synced}
    for name, candidates in fresh.items():
        if candidates:
            columns = [[float(of(c)) for c in candidates] for _, _, of in _FIGURES]
            metrics.pool_means[name] = [_mean_and_deviation(column) for column in columns]
    means = list(metrics.pool_means.items())
    for index, (figure, text, _) in enumerate(_FIGURES):
        for prefix in ("inference_pool", "llm_d_epp"):
            samples = [(name, figures[index][0]) for name, figures in means]
            yield _of_pools(f"{prefix}_average_{figure}", f"Mean {text}.", samples)
        samples = [(name, figures[index][1]) for name, figures in means]
        deviation = f"Standard deviation of the {text}."
        yield _of_pools(f"llm_d_epp_std_dev_{figure}", deviation, samples)
    ready = [(name, len(candidates)) for name, candidates in fresh.items()]
    text = "Endpoints whose load is known."
    yield _of_pools("inference_pool_ready_pods", text, ready)
    yield _of_pools("llm_d_epp_ready_endpoints", text, ready)
    pods = [(name, pod, c) for name, cs in synced for pod, c in zip(_pods(cs), cs, strict=True)]
    yield from _endpoints(metrics, pods)


def _mean_and_deviation(column: Sequence[float]) -> tuple[float, float]:
    """Return both, of a population; the standard library's takes milliseconds for a big pool."""
    mean = fmean(column)
    return mean, sqrt(fsum((value - mean) ** 2 for value in column) / len(column))


def _of_pools(name: str, text: str, samples: Sequence[tuple[str, float]]) -> MetricFamily:
    return MetricFamily(
        name, "gauge", f"[ALPHA] {text}", ("name",), [((pool,), value) for pool, value in samples]
    )


def _endpoints(
    metrics: EppMetrics, pods: Sequence[tuple[str, str, Candidate]]
) -> Iterator[MetricFamily]:
    for family, label in (
        ("inference_pool_per_pod_queue_size", "model_server_pod"),
        ("llm_d_epp_per_endpoint_queue_size", "model_server_endpoint"),
    ):
        yield MetricFamily(
            family,
            "gauge",
            "[ALPHA] Requests waiting in each model server.",
            ("name", label),
            (((name, pod), c.metrics.waiting) for name, pod, c in pods),
        )
    yield MetricFamily(
        "inference_extension_endpoint_inflight_requests",
        "gauge",
        "Requests this EPP has sent to each endpoint that have not ended.",
        _POD,
        (((name, pod), c.inflight) for name, pod, c in pods),
    )
    yield MetricFamily(
        "inference_extension_endpoint_reachable",
        "gauge",
        "1 if the endpoint takes connections, as far as is known.",
        _POD,
        (((name, pod), c.is_reachable) for name, pod, c in pods),
    )
    now = time.monotonic()
    yield MetricFamily(
        "inference_extension_endpoint_metrics_age_seconds",
        "gauge",
        "Age of the load figures of each endpoint; absent until there are any.",
        _POD,
        (
            ((name, pod), now - c.metrics.updated_at)
            for name, pod, c in pods
            if c.metrics.updated_at
        ),
    )
    yield MetricFamily(
        "inference_extension_model_server_metric_missing",
        "gauge",
        "1 for each metric that decisions need and that the model server does not export.",
        (*_POD, "metric"),
        (
            ((name, pod, metric), 1)
            for name, pod, c in pods
            for metric in metrics.missing.get(c.endpoint, ())
        ),
    )


def _pods(candidates: Sequence[Candidate]) -> list[str]:
    """Return a label for each endpoint: its name, with the namespace only where names collide."""
    count = Counter(candidate.endpoint.name for candidate in candidates)
    return [
        name if count[name] == 1 else f"{candidate.endpoint.namespace}/{name}"
        for candidate in candidates
        for name in (candidate.endpoint.name,)
    ]
