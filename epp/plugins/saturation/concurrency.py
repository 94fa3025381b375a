"""concurrency-detector: how many requests or tokens are in flight.

What:
    Says how full a pool is by what this EPP has sent to it that has not ended, without asking the
    model servers. As a filter it leaves out endpoints that have too much in flight.

Formula:
    In flight in all / capacity of all endpoints, in requests or in tokens; in the mode "hybrid" the
    mean over the endpoints of the greater of both ratios. 1 for a pool without endpoints. As a
    filter it keeps endpoints with less in flight than their capacity times 1 + headroom, in the
    hybrid mode of both, even if that is none.

Reads:
    Requests in flight; in tokens what an inflight-load-producer of the same configuration counts,
    none without one.

Parameters:
    concurrencyMode: What is counted, "requests", "tokens" or "hybrid".
    maxConcurrency: Requests in flight at which an endpoint is full, 100.
    maxTokenConcurrency: Tokens in flight at which an endpoint is full, 1000000.
    headroom: How far above its capacity the filter lets an endpoint go, as a share of it, 0.

When to use:
    When figures of the model servers are missing or late and their capacity is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Annotated, Literal

from epp.api.data import InflightLoad
from epp.api.endpoint import Candidate
from epp.api.flow import InflightCounter
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.registry import Family, plugin
from epp.api.request import Request

_NO_TOKENS: Mapping[int, int] = {}


@plugin("concurrency-detector", Family.SATURATION_DETECTOR, Family.FILTER)
@dataclass(frozen=True, slots=True, eq=False)
class ConcurrencyDetector:
    """Tells how full a pool is by what is in flight."""

    concurrency_mode: Annotated[
        Literal["requests", "tokens", "hybrid"], Param("What is counted.")
    ] = "requests"
    max_concurrency: Annotated[
        int, Param("Requests in flight at which an endpoint is full.", above=0)
    ] = 100
    max_token_concurrency: Annotated[
        int, Param("Tokens in flight at which an endpoint is full.", above=0)
    ] = 1_000_000
    headroom: Annotated[
        float, Param("How far above its capacity the filter lets an endpoint go.", minimum=0)
    ] = 0.0
    _counters: list[InflightCounter] = field(init=False, repr=False, default_factory=list)

    @property
    def consumes(self) -> frozenset[type]:
        """What must be counted for it."""
        return frozenset() if self.concurrency_mode == "requests" else frozenset((InflightLoad,))

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Find who counts tokens; the first one is asked."""
        del name
        plugins = [instance.plugin for instance in instances.values()]
        self._counters[:] = [p for p in plugins if isinstance(p, InflightCounter)]
        if self.concurrency_mode != "requests" and not self._counters:
            return "counting tokens needs a plugin of type inflight-load-producer"
        return ""

    @property
    def is_mean(self) -> bool:
        """Whether every endpoint counts alike: all have the same capacity."""
        return True

    def saturation(self, candidates: Sequence[Candidate]) -> float:
        """Return what is in flight as a share of the capacity; 1 for no candidates."""
        if not candidates:
            return 1.0
        return fsum(map(self.fullness, candidates)) / len(candidates)

    def fullness(self, candidate: Candidate) -> float:
        """Return what is in flight at one endpoint as a share of its capacity."""
        requests = candidate.inflight / self.max_concurrency
        if self.concurrency_mode == "requests":
            return requests
        tokens = self._tokens().get(candidate.endpoint.slot, 0) / self.max_token_concurrency
        return tokens if self.concurrency_mode == "tokens" else max(requests, tokens)

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Keep those with less in flight than they may have."""
        del request
        mode, tokens = self.concurrency_mode, self._tokens()
        requests = int(self.max_concurrency * (1 + self.headroom))
        most = int(self.max_token_concurrency * (1 + self.headroom))
        return [
            c
            for c in candidates
            if (mode == "tokens" or c.inflight < requests)
            and (mode == "requests" or tokens.get(c.endpoint.slot, 0) < most)
        ]

    def _tokens(self) -> Mapping[int, int]:
        return self._counters[0].inflight().tokens if self._counters else _NO_TOKENS
