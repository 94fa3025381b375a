"""utilization-detector: how full queues and caches of the model servers are.

What:
    Says how full a pool is by what the model servers report. As a filter it leaves out endpoints
    that are too full.

Formula:
    max(waiting / queueDepthThreshold, kvCacheUsage / kvCacheUtilThreshold) for each endpoint, 1 for
    one whose load is unknown; the mean over the pool; 1 for a pool without endpoints. With the
    aggregation "best" it is the least of them, and an endpoint that just reaches a threshold is
    still good: the pool is full when no endpoint is good (GAIE 1.3). As a filter it keeps endpoints
    with known load whose waiting and usage are up to the thresholds times 1 + headroom, the usage
    at most 1; all of them if it would keep none.

Reads:
    Requests waiting, corrected by this EPP's own dispatches since the last scrape; the share of the
    KV cache in use.

Parameters:
    queueDepthThreshold: Requests waiting at which an endpoint is full, 5.
    kvCacheUtilThreshold: Share of the KV cache in use at which an endpoint is full, 0.8.
    metricsStalenessThreshold: Accepted; --metrics-staleness-threshold says for all of the EPP how
        old figures may be, for they are fetched less often while no requests come.
    headroom: How far above the thresholds the filter goes, as a share of them, 0.
    aggregation: What makes one figure of many, "mean" or "best"; only this EPP has it.

When to use:
    It is the default. Prefer concurrency-detector where model servers report no load or too late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, nextafter
from typing import Annotated, Literal

from epp.api.endpoint import Candidate
from epp.api.parameters import Param, Seconds
from epp.api.registry import Family, plugin
from epp.api.request import Request

_ALMOST_FULL = nextafter(1.0, 0.0)
_DEFAULT_STALENESS = Seconds(0.2)


@plugin("utilization-detector", Family.SATURATION_DETECTOR, Family.FILTER)
@dataclass(frozen=True, slots=True)
class UtilizationDetector:
    """Tells how full a pool is by queues and caches."""

    queue_depth_threshold: Annotated[
        int, Param("Requests waiting at which an endpoint is full.", above=0)
    ] = 5
    kv_cache_util_threshold: Annotated[
        float,
        Param("Share of the KV cache in use at which an endpoint is full.", above=0, maximum=1),
    ] = 0.8
    metrics_staleness_threshold: Annotated[
        Seconds, Param("Accepted; --metrics-staleness-threshold decides.", above=0)
    ] = _DEFAULT_STALENESS
    headroom: Annotated[
        float, Param("How far above the thresholds the filter goes, as a share.", minimum=0)
    ] = 0.0
    aggregation: Annotated[
        Literal["mean", "best"], Param("What makes one figure of many endpoints.")
    ] = "mean"

    @property
    def is_mean(self) -> bool:
        """Whether every endpoint counts alike."""
        return self.aggregation == "mean"

    def saturation(self, candidates: Sequence[Candidate]) -> float:
        """Return the mean, or the least, of how full the candidates are; 1 for none."""
        if not candidates:
            return 1.0
        if self.is_mean:
            return fsum(map(self.fullness, candidates)) / len(candidates)
        least = min(self.fullness(c) if c.is_fresh else 2.0 for c in candidates)
        return min(least, _ALMOST_FULL) if least <= 1.0 else least

    def fullness(self, candidate: Candidate) -> float:
        """Return how full one endpoint is; 1 if that is not known."""
        if not candidate.is_fresh:
            return 1.0
        by_queue = candidate.waiting / self.queue_depth_threshold
        by_cache = candidate.metrics.kv_usage / self.kv_cache_util_threshold
        return max(by_cache, by_queue)

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Keep those that are not too full; all if none is left."""
        del request
        waiting = self.queue_depth_threshold * (1 + self.headroom)
        usage = min(1.0, self.kv_cache_util_threshold * (1 + self.headroom))
        kept = [
            c
            for c in candidates
            if c.is_fresh and c.waiting <= waiting and c.metrics.kv_usage <= usage
        ]
        return kept or candidates
