"""least-queue-filter: the lower part of the queues.

What:
    Keeps the endpoints whose queues are near the shortest one.

Formula:
    Kept when waiting <= min + (max - min) // n over the n candidates, in whole requests. A
    candidate that is not fresh counts as the mean of those that are.

Reads:
    Requests waiting, corrected by this EPP's own dispatches since the last scrape.

Parameters:
    None.

When to use:
    In a decision tree; otherwise queue-scorer weighs queues against other figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import filter_
from epp.api.request import Request
from epp.scheduling.ranking import average_unknown


@filter_("least-queue-filter")
@dataclass(frozen=True, slots=True)
class LeastQueueFilter:
    """Keeps the shorter queues."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those in the lowest part of the range of queue lengths."""
        del request
        if not candidates:
            return candidates
        queues = average_unknown(candidates, [c.waiting for c in candidates])
        least = min(queues)
        limit = least + (max(queues) - least) // len(queues)
        return [c for c, queue in zip(candidates, queues, strict=True) if queue <= limit]
