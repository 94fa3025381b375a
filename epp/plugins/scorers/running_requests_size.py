"""running-requests-size-scorer: the fewest running requests win.

What:
    Prefers endpoints whose model server works on few requests at this moment.

Formula:
    (max - running) / (max - min) over the candidates; 1 for all when they are equal. For a
    candidate that is not fresh it is estimated: what the fresh ones have on average, plus its
    requests in flight from this EPP, minus theirs on average, and at least as much as the least of
    them. Without any fresh candidate the requests in flight are ranked.

Reads:
    Requests running, corrected by this EPP's own dispatches and completions since the last
    scrape; its own requests in flight.

Parameters:
    None.

When to use:
    Where queues stay empty because the servers batch generously: the queue then says nothing and
    the size of the running batch is what differs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from epp.api.endpoint import Candidate, Snapshot
from epp.api.registry import scorer
from epp.api.request import Request
from epp.scheduling.ranking import fewest_first
from epp.scheduling.standing import LoadRank


@scorer("running-requests-size-scorer")
@dataclass(frozen=True, slots=True)
class RunningRequestsSizeScorer:
    """Scores by requests running."""

    rank: LoadRank = field(
        init=False,
        repr=False,
        compare=False,
        default_factory=lambda: LoadRank(attrgetter("running")),
    )

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for the fewest running requests and 0 for the most."""
        del request
        return fewest_first(candidates, [c.running for c in candidates])

    def standing(self, candidates: Snapshot) -> tuple[Sequence[float], int]:
        """Return the same for a pool's snapshot, and which round of it this is."""
        return self.rank.follow(candidates)
