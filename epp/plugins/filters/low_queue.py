"""low-queue-filter: nobody with a long queue.

What:
    Keeps the endpoints with few requests waiting.

Formula:
    Kept when fewer requests wait than the threshold says, and when the candidate is not fresh.

Reads:
    Requests waiting, corrected by this EPP's own dispatches since the last scrape.

Parameters:
    threshold: requests waiting from which a queue is long.

When to use:
    In a decision tree, to follow LoRA adapters only while queues are short.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import filter_
from epp.api.request import Request


@filter_("low-queue-filter")
@dataclass(frozen=True, slots=True)
class LowQueueFilter:
    """Keeps short queues."""

    threshold: Annotated[int, Param("Requests waiting from which a queue is long.", minimum=1)] = (
        128
    )

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those with fewer requests waiting."""
        del request
        return [c for c in candidates if c.waiting < self.threshold or not c.is_fresh]
