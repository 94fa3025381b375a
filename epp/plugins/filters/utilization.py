"""utilization-filter: nobody above a limit.

What:
    Leaves out endpoints that are busier than one of several limits allows.

Formula:
    Kept when no condition's metric is above its maxValue. A candidate that is not fresh is judged
    by requests in flight alone. If none would be kept, fallbackOnEmpty keeps all.

Reads:
    Requests running and waiting, corrected by this EPP's own dispatches since the last scrape, and
    the share of the KV cache in use; requests in flight as inflight-load-producer counts them, or
    the pool where there is none.

Parameters:
    conditions: limits, each a metric and its maxValue. Metrics are active-requests (in flight),
        running-requests, waiting-queue and kv-cache-utilization (0 to 1).
    fallbackOnEmpty: keep all when none would be kept.
    inFlightLoadProducerName: which producer's count to use; the first one by default.

When to use:
    When an endpoint above a limit must get nothing more, however well it scores otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.figures import requests_in_flight


@dataclass(frozen=True, slots=True)
class Condition:
    """One limit."""

    metric: Annotated[
        Literal["active-requests", "running-requests", "waiting-queue", "kv-cache-utilization"],
        Param("What is limited."),
    ]
    max_value: Annotated[float, Param("Most that is allowed.", minimum=0)]


@plugin("utilization-filter", Family.FILTER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class UtilizationFilter:
    """Keeps who is below all limits."""

    conditions: Annotated[tuple[Condition, ...], Param("Limits; at least one.")]
    fallback_on_empty: Annotated[bool, Param("Keep all when none would be kept.")] = False
    in_flight_load_producer_name: Annotated[
        str, Param("Producer of the count; the first one by default.")
    ] = ""

    def __post_init__(self) -> None:
        if not self.conditions:
            raise ValueError("conditions: at least one is needed")
        for condition in self.conditions:
            if condition.metric == "kv-cache-utilization" and condition.max_value > 1:
                raise ValueError("conditions: a kv-cache-utilization is 1 at most")

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those below all limits."""
        counts = requests_in_flight(request, candidates, self.in_flight_load_producer_name)
        kept = list(zip(candidates, counts, strict=True))
        for metric, most in [(c.metric, c.max_value) for c in self.conditions]:
            kept = [(c, count) for c, count in kept if _value(metric, c, count) <= most]
        if not kept and self.fallback_on_empty:
            return candidates
        return [candidate for candidate, _ in kept]


def _value(metric: str, candidate: Candidate, in_flight: int) -> float:
    if metric == "active-requests":
        return in_flight
    if not candidate.is_fresh:
        return 0
    if metric == "running-requests":
        return candidate.running
    return candidate.waiting if metric == "waiting-queue" else candidate.metrics.kv_usage
