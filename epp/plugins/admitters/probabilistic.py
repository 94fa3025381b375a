"""probabilistic-admitter: turns more and more sheddable requests away as the pool fills.

What:
    Rejects requests of a priority below 0 by chance, the likelier the fuller the pool is. Requests
    of other priorities, and all while there is no endpoint, are admitted.

Formula:
    min(saturation ** power * k, 1) is the probability, where saturation is the mean over the
    endpoints of max(waiting / queueDepthThreshold, kvCacheUsage / kvCacheUtilThreshold), 1 for one
    whose load is unknown.

Reads:
    Requests waiting and the share of the KV cache in use, as scraped.

Parameters:
    queueDepthThreshold: Requests waiting at which an endpoint is full, 5.
    kvCacheUtilThreshold: Share of the KV cache in use at which an endpoint is full, 0.8.
    power: How suddenly rejections begin, 5.
    k: Factor of the probability, 300; with 5 as the power all are rejected from about 0.32 on.

When to use:
    Instead of the sharp edge of the default admission, where batch work shall give way early.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request


@plugin("probabilistic-admitter", Family.ADMITTER)
@dataclass(frozen=True, slots=True, eq=False)
class ProbabilisticAdmitter:
    """Rejects sheddable requests by chance."""

    queue_depth_threshold: Annotated[
        int, Param("Requests waiting at which an endpoint is full.", above=0)
    ] = 5
    kv_cache_util_threshold: Annotated[
        float, Param("Share of the KV cache in use at which an endpoint is full.", above=0)
    ] = 0.8
    power: Annotated[float, Param("How suddenly rejections begin.", above=0)] = 5.0
    k: Annotated[float, Param("Factor of the probability.", above=0)] = 300.0
    random: Random = field(init=False, repr=False, default_factory=Random)

    def objection_to(self, request: Request, candidates: Sequence[Candidate]) -> str:
        """Return why the request is not admitted; empty when it is."""
        if request.priority >= 0 or not candidates:
            return ""
        saturation = sum(map(self._fullness, candidates)) / len(candidates)
        probability = min(saturation**self.power * self.k, 1.0)
        if self.random.random() >= probability:
            return ""
        shown = f"saturation={saturation:.3f} prob={probability:.2f}"
        return f"probabilistic-admitter: rejected, {shown}"

    def _fullness(self, candidate: Candidate) -> float:
        if not candidate.is_fresh:
            return 1.0
        metrics = candidate.metrics
        return max(
            metrics.waiting / self.queue_depth_threshold,
            metrics.kv_usage / self.kv_cache_util_threshold,
        )
