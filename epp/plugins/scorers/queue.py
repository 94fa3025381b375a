"""queue-scorer: the shortest queue wins.

What:
    Prefers endpoints with few requests waiting in the model server's queue.

Formula:
    (max - waiting) / (max - min) over the fresh candidates; 1 for all when they are equal. A
    candidate that is not fresh scores 0.5 and takes no part in min and max.

Reads:
    Requests waiting, corrected by this EPP's own dispatches since the last scrape.

Parameters:
    None.

When to use:
    Always: it is what keeps a burst from piling up on one endpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import scorer
from epp.api.request import Request
from epp.scheduling.ranking import fewest_first


@scorer("queue-scorer")
@dataclass(frozen=True, slots=True)
class QueueScorer:
    """Scores by requests waiting."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for the shortest queue and 0 for the longest."""
        del request
        return fewest_first([c.waiting if c.is_fresh else None for c in candidates])
