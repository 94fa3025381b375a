"""The families of flow control, under GAIE's prefix and llm-d-router's."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from epp.api.metrics import Buckets, MetricFamily
from epp.metrics.flow import FlowLoad, FlowMetrics
from epp.metrics.request_families import buckets

_GAIE = "inference_extension_flow_control_"
_LLM_D = "llm_d_epp_flow_control_"
_QUEUE = ("fairness_id", "priority", "inference_pool", "model_name", "target_model_name")
_BAND = ("priority", "inference_pool")
_Samples = Iterable[tuple[Sequence[str], float | Buckets]]


def flow_families(flow: FlowMetrics, pool: str) -> Iterator[MetricFamily]:
    """Return ``*_flow_control_*``.

    Args:
        flow: what was recorded.
        pool: value of the label ``inference_pool``.
    """
    queues = [
        ((fairness, str(priority), pool, model, target), series)
        for (model, target, fairness, priority), series in flow.requests.items()
    ]
    yield from _both(
        "request_queue_duration_seconds",
        "histogram",
        "Seconds that requests were in flow control, by how they left it.",
        ("fairness_id", "priority", "outcome", *_QUEUE[2:]),
        [
            ((*labels[:2], outcome, *labels[2:]), buckets(histogram))
            for labels, series in queues
            for outcome, histogram in series.seconds.items()
        ],
    )
    yield from _both(
        "queue_size",
        "gauge",
        "Requests queued now.",
        _QUEUE,
        [(labels, series.waiting) for labels, series in queues],
    )
    yield from _both(
        "queue_bytes",
        "gauge",
        "Bytes of the requests queued now.",
        _QUEUE,
        [(labels, series.bytes) for labels, series in queues],
    )
    yield from _both(
        "dispatch_cycle_duration_seconds",
        "histogram",
        "Seconds of each look for requests that may go on.",
        (),
        [((), buckets(flow.cycles))],
    )
    yield from _both(
        "request_enqueue_duration_seconds",
        "histogram",
        "Seconds that taking a request in took.",
        ("fairness_id", "priority", "outcome"),
        [
            ((fairness, str(priority), outcome), buckets(histogram))
            for (_, _, fairness, priority), by_outcome in flow.enqueueing.items()
            for outcome, histogram in by_outcome.items()
        ],
    )
    yield from _load(flow.load() if flow.load else None, pool)
    yield from _llm_d(flow, pool)


def _load(load: FlowLoad | None, pool: str) -> Iterator[MetricFamily]:
    text = "How full the pool is; 1 and more gets no more requests."
    stages = load.saturation if load else {}
    yield _family(
        f"{_GAIE}pool_saturation",
        "gauge",
        text,
        ("inference_pool",),
        [((pool,), max(stages.values()))] if stages else [],
    )
    yield _family(
        f"{_LLM_D}pool_saturation",
        "gauge",
        text,
        ("inference_pool", "stage"),
        [((pool, stage), value) for stage, value in stages.items()],
    )
    yield _family(
        f"{_LLM_D}stale_endpoints",
        "gauge",
        "Endpoints that count as full because their figures are too old.",
        ("detector",),
        [((name,), n) for name, n in load.stale_endpoints.items()] if load else [],
    )
    for index, what in enumerate(("requests", "bytes")):
        yield _family(
            f"{_LLM_D}capacity_utilization_{what}",
            "gauge",
            f"Share of the {what} that may wait in a band that do.",
            _BAND,
            [((str(p), pool), shares[index]) for p, shares in load.bands.items()] if load else [],
        )
        yield _family(
            f"{_LLM_D}global_capacity_utilization_{what}",
            "gauge",
            f"Share of the {what} that may wait in all that do.",
            ("inference_pool",),
            [((pool,), share)] if load and (share := load.whole[index]) is not None else [],
        )
    yield _family(
        f"{_LLM_D}reclaim_target",
        "gauge",
        "How much of the pool revocations shall give back, in units of saturation.",
        ("inference_pool",),
        [((pool,), load.reclaim_target)] if load else [],
    )
    yield _family(
        f"{_LLM_D}pending_reclaim",
        "gauge",
        "How much of the pool revocations have still to give back, in units of saturation.",
        ("inference_pool",),
        [((pool,), load.pending_reclaim)] if load else [],
    )


def _llm_d(flow: FlowMetrics, pool: str) -> Iterator[MetricFamily]:
    yield _family(
        f"{_LLM_D}requests_total",
        "counter",
        "Requests by how they left flow control.",
        ("outcome", *_BAND),
        [((outcome, str(p), pool), n) for (outcome, p), n in list(flow.outcomes.items())],
    )
    yield _family(
        f"{_LLM_D}revocations_issued_total",
        "counter",
        "Requests in flight that were told to make room.",
        _BAND,
        [((str(p), pool), n) for p, n in list(flow.revocations_issued.items())],
    )
    yield _family(
        f"{_LLM_D}revocations_total",
        "counter",
        "Requests in flight that were told to make room, by what became of it.",
        ("outcome", "inference_pool"),
        [((outcome, pool), n) for outcome, n in list(flow.revocations.items())],
    )
    yield _family(
        f"{_LLM_D}revocation_confirmation_seconds",
        "histogram",
        "Seconds until a request that was told to make room had ended.",
        ("inference_pool",),
        [((pool,), buckets(flow.confirming))],
    )


_Kind = Literal["counter", "gauge", "histogram"]


def _both(
    name: str, kind: _Kind, text: str, labels: Sequence[str], samples: _Samples
) -> Iterator[MetricFamily]:
    for prefix in (_GAIE, _LLM_D):
        yield _family(prefix + name, kind, text, labels, samples)


def _family(
    name: str, kind: _Kind, text: str, labels: Sequence[str], samples: _Samples
) -> MetricFamily:
    return MetricFamily(name, kind, f"[ALPHA] {text}", labels, samples)
