"""sheddable-capacity-filter: only endpoints with room for requests that can be refused.

What:
    Keeps the endpoints that are far from full.

Formula:
    Kept when no more requests wait than queueThreshold, and no more of the KV cache is in use than
    kvCacheThreshold; and when the candidate is not fresh.

Reads:
    Requests waiting, corrected by this EPP's own dispatches since the last scrape; share of the KV
    cache in use, as scraped.

Parameters:
    queueThreshold: most requests waiting.
    kvCacheThreshold: most of the KV cache in use.

When to use:
    In a decision tree for requests that may be refused: when it keeps none, the answer is 429.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import filter_
from epp.api.request import Request


@filter_("sheddable-capacity-filter")
@dataclass(frozen=True, slots=True)
class SheddableCapacityFilter:
    """Keeps who has room."""

    queue_threshold: Annotated[int, Param("Most requests waiting.", minimum=0)] = 5
    kv_cache_threshold: Annotated[
        float, Param("Most of the KV cache in use.", minimum=0, maximum=1)
    ] = 0.8

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those within both thresholds."""
        del request
        return [
            c
            for c in candidates
            if not c.is_fresh
            or (c.waiting <= self.queue_threshold and c.metrics.kv_usage <= self.kv_cache_threshold)
        ]
