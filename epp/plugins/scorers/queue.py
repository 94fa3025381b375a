"""queue-scorer: the shortest queue wins.

What:
    Prefers endpoints with few requests waiting in the model server's queue.

Formula:
    (max - waiting) / (max - min) over the candidates; 1 for all when they are equal. For a
    candidate that is not fresh it is estimated: what the fresh ones have on average, plus its
    requests in flight from this EPP, minus theirs on average, and at least as much as the least of
    them. Without any fresh candidate the requests in flight are ranked.

Reads:
    Requests waiting, corrected by this EPP's own dispatches since the last scrape; its own
    requests in flight.

Parameters:
    None.

When to use:
    Always: it is what keeps a burst from piling up on one endpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from epp.api.endpoint import Candidate, Snapshot
from epp.api.registry import scorer
from epp.api.request import Request
from epp.scheduling.ranking import fewest_first
from epp.scheduling.standing import LoadRank


@scorer("queue-scorer")
@dataclass(frozen=True, slots=True)
class QueueScorer:
    """Scores by requests waiting."""

    rank: LoadRank = field(
        init=False,
        repr=False,
        compare=False,
        default_factory=lambda: LoadRank(attrgetter("waiting")),
    )

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for the shortest queue and 0 for the longest."""
        del request
        return fewest_first(candidates, [c.waiting for c in candidates])

    def standing(self, candidates: Snapshot) -> tuple[Sequence[float], int]:
        """Return the same for a pool's snapshot, and which round of it this is."""
        return self.rank.follow(candidates)
