"""load-aware-scorer: an empty queue is as good as it gets.

What:
    Prefers endpoints with few requests waiting, measured against a fixed number instead of against
    the other endpoints.

Formula:
    0.5 for an empty queue, else 0.5 * (1 - min(waiting, threshold) / threshold). A candidate that
    is not fresh scores what the fresh ones do on average, or 0.5 if there is none.

Reads:
    Requests waiting, corrected by this EPP's own dispatches since the last scrape.

Parameters:
    threshold: requests waiting that score 0.

When to use:
    Beside a prefix or session scorer, when a short queue shall not outweigh a cached prompt:
    queue-scorer would call one waiting request the worst of all if the others have none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import scorer
from epp.api.request import Request
from epp.scheduling.ranking import average_unknown


@scorer("load-aware-scorer")
@dataclass(frozen=True, slots=True)
class LoadAwareScorer:
    """Scores by requests waiting, on a fixed scale."""

    threshold: Annotated[
        int, Param("Requests waiting that score 0.", minimum=1, is_forgiven=True)
    ] = 128

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 0.5 for an empty queue, 0 for one at the threshold."""
        del request
        most = self.threshold
        scores = [0.5 * (1.0 - min(c.waiting, most) / most) for c in candidates]
        return average_unknown(candidates, scores)
