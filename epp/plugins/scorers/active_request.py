"""active-request-scorer: the fewest requests in flight win.

What:
    Prefers endpoints with few requests of this EPP in flight, without asking the model servers.

Formula:
    1 up to idleThreshold requests, else (max - requests) / max * maxBusyScore, with the most
    requests of any candidate as max.

Reads:
    Requests in flight, as inflight-load-producer counts them, or the pool where there is none.

Parameters:
    idleThreshold: requests in flight up to which an endpoint counts as idle.
    maxBusyScore: best score of one that is not idle.
    requestTimeout: has no effect; requests end when their exchange does.
    inFlightLoadProducerName: which producer's count to use; the first one by default.

When to use:
    When metrics come late or not at all, or one EPP sees all the traffic: its own count is exact at
    any moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import scorer
from epp.api.request import Request
from epp.scheduling.figures import requests_in_flight


@scorer("active-request-scorer")
@dataclass(frozen=True, slots=True)
class ActiveRequestScorer:
    """Scores by requests in flight."""

    idle_threshold: Annotated[int, Param("Requests up to which one is idle.", minimum=0)] = 0
    max_busy_score: Annotated[
        float, Param("Best score of one that is not idle.", minimum=0, maximum=1)
    ] = 1.0
    request_timeout: Annotated[str, Param("Has no effect.")] = ""
    in_flight_load_producer_name: Annotated[
        str, Param("Producer of the count; the first one by default.")
    ] = ""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for the idle, and less the more requests are in flight."""
        counts = requests_in_flight(request, candidates, self.in_flight_load_producer_name)
        if not counts:
            return []
        idle, most = self.idle_threshold, max(counts)
        return [
            1.0 if count <= idle else (most - count) / most * self.max_busy_score
            for count in counts
        ]
