"""The flows of one priority, and how much may wait there."""

import logging
from contextlib import suppress
from dataclasses import dataclass

from epp.api.flow import FairnessPolicy, OrderingPolicy
from epp.flowcontrol.queue import FlowQueue, Waiting
from epp.metrics.series import OTHER

log = logging.getLogger(__name__)

MOST_FLOWS = 1000
"""Flows of a band with requests waiting; the fairness ids beyond share one flow."""


@dataclass(frozen=True, slots=True)
class BandSettings:
    """What is configured for one band.

    Attributes:
        fairness: whose turn it is among its flows.
        ordering: which request of a flow is next.
        max_bytes: that may wait in it; 0 is unlimited.
        max_requests: the same as a count.
    """

    fairness: FairnessPolicy
    ordering: OrderingPolicy
    max_bytes: int = 1_000_000_000
    max_requests: int = 0


class Band:
    """The requests of one priority that wait.

    Attributes:
        priority: higher is more important.
        settings: as configured.
        is_dynamic: made for a priority that the configuration does not list.
        length: requests waiting.
        bytes: their sizes.
        idle_since: when it became empty; meaningless while it is not.
    """

    __slots__ = (
        "_flows",
        "_turns",
        "bytes",
        "idle_since",
        "is_dynamic",
        "length",
        "priority",
        "settings",
    )

    def __init__(self, priority: int, settings: BandSettings, *, is_dynamic: bool) -> None:
        self.priority = priority
        self.settings = settings
        self.is_dynamic = is_dynamic
        self.length = 0
        self.bytes = 0
        self.idle_since = 0.0
        self._flows: dict[str, FlowQueue] = {}
        self._turns = settings.fairness.turns()

    def has_room(self, size: int) -> bool:
        """Tell whether a request of so many bytes fits in; one without bytes fits any number."""
        settings = self.settings
        if settings.max_bytes and size and self.bytes + size > settings.max_bytes:
            return False
        return not settings.max_requests or self.length < settings.max_requests

    def flow(self, fairness_id: str) -> FlowQueue:
        """Return the flow of a fairness id; it may be new, and empty."""
        flow = self._flows.get(fairness_id)
        if flow is None:
            if len(self._flows) >= MOST_FLOWS:
                fairness_id = OTHER
            flow = self._flows.get(fairness_id) or FlowQueue(fairness_id)
        return flow

    def join(self, waiting: Waiting) -> None:
        """Queue a request in its flow; it is not queued if the fairness policy fails."""
        flow = waiting.flow
        if flow.join(waiting):
            try:
                self._turns.changed(flow)
            except Exception:
                flow.leave(waiting)
                if not flow:
                    # It may have taken half a note of the flow.
                    with suppress(Exception):
                        self._turns.emptied(flow)
                raise
        self._flows[flow.fairness_id] = flow
        self.length += 1
        self.bytes += waiting.size

    def leave(self, waiting: Waiting) -> None:
        """Take a request out, wherever it stands, whatever the fairness policy makes of it."""
        flow = waiting.flow
        self.length -= 1
        self.bytes -= waiting.size
        was_first = flow.leave(waiting)
        try:
            if not flow:
                del self._flows[flow.fairness_id]
                self._turns.emptied(flow)
            elif was_first:
                self._turns.changed(flow)
        except Exception:
            log.exception("%s failed to note who left", type(self.settings.fairness).__name__)

    def next(self, now: float) -> Waiting:
        """Return the request whose turn it is; only if one waits."""
        flow = self._turns.next(now)
        return self._flows[flow.fairness_id].first

    def served(self, waiting: Waiting) -> None:
        """Take out a request because it goes on, and its flow had its turn."""
        self._turns.served(waiting.flow)
        self.leave(waiting)
