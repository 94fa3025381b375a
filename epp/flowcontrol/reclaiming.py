"""Ending requests that are served, to make room for more important ones that wait.

Stop and wait, as llm-d-router does: a decision ends one or two requests, and there is no other
before their ends were seen, and their effect had time to show in the figures of the pool.
"""

from bisect import bisect_left, insort
from math import ceil, inf

from epp.api.flow import EvictionFilter, EvictionOrder
from epp.api.request import Request
from epp.metrics.flow import FlowMetrics

MOST_PER_DECISION = 2
CONFIRMATION_SECONDS = 10.0
"""How long the end of a request is waited for; then it counts as ended."""
GRACE_SECONDS = 0.5
"""How long the end of a request takes to show: abort, freed cache, the next scrape."""

_Place = tuple[tuple[float, ...], int, Request]


class Reclaiming:
    """The requests that may be ended while they are served.

    Every time is in monotonic seconds.

    Args:
        which: may be ended.
        order: which of those is ended first.
        metrics: what is told of it.

    Attributes:
        target: how much of the pool the last decision wanted back, in units of saturation.
    """

    def __init__(self, which: EvictionFilter, order: EvictionOrder, metrics: FlowMetrics) -> None:
        self._filter = which
        self._order = order
        self._count = 0
        self._victims: list[_Place] = []
        self._places: dict[Request, _Place] = {}
        self._ending: dict[Request, tuple[float, float]] = {}
        self._cooling: list[tuple[float, float]] = []
        self._metrics = metrics
        self.target = 0.0

    def started(self, request: Request, now: float) -> bool:
        """Note that a request goes on; return whether it may be ended."""
        if not self._filter.accepts(request):
            return False
        self._count += 1
        place = (self._order.rank(request, now), -self._count, request)
        self._places[request] = place
        insort(self._victims, place)
        return True

    def ended(self, request: Request, now: float) -> None:
        """Note that a request that went on is over, in whichever way."""
        place = self._places.pop(request, None)
        if place is not None:
            self._forget(place)
        credit, issued = self._ending.pop(request, (0.0, inf))
        if issued <= now:
            self._metrics.revocations["confirmed"] += 1
            self._metrics.confirming.observe(now - issued)
            self._cooling.append((now + GRACE_SECONDS, credit))

    def pending(self) -> float:
        """Return how much of the pool earlier decisions will still give back."""
        ending = sum(credit for credit, _ in self._ending.values())
        return ending + sum(credit for _, credit in self._cooling)

    def victims(
        self, saturation: float, ceiling: float, priority: int, inflight: int, now: float
    ) -> list[Request]:
        """Return the requests to end now; none while an earlier decision is under way.

        Args:
            saturation: of the pool.
            ceiling: below which it must get for the waiting band.
            priority: of that band; only less important requests are ended for it.
            inflight: requests served by the pool, among which saturation is divided.
            now: the time.
        """
        self._retire(now)
        if self._ending or self._cooling or not self._victims or inflight <= 0 or ceiling <= 0:
            return []
        self.target = saturation - ceiling
        credit = saturation / inflight
        if credit <= 0:
            return []
        wanted = max(1, min(MOST_PER_DECISION, ceil(self.target / credit)))
        chosen = [p for p in self._victims[:wanted] if p[2].priority < priority]
        for place in chosen:
            request = place[2]
            del self._places[request]
            self._forget(place)
            self._ending[request] = (credit, now)
        if chosen:
            self._metrics.revocations_issued[priority] += len(chosen)
        return [request for _, _, request in chosen]

    @property
    def next_look(self) -> float:
        """When the next decision may be taken; infinity if nothing is under way."""
        times = [issued + CONFIRMATION_SECONDS for _, issued in self._ending.values()]
        return min([*times, *(until for until, _ in self._cooling)], default=inf)

    def _forget(self, place: _Place) -> None:
        del self._victims[bisect_left(self._victims, place)]

    def _retire(self, now: float) -> None:
        for request, (credit, issued) in list(self._ending.items()):
            if now - issued >= CONFIRMATION_SECONDS:
                del self._ending[request]
                self._metrics.revocations["timed_out"] += 1
                self._cooling.append((now + GRACE_SECONDS, credit))
        self._cooling = [(until, credit) for until, credit in self._cooling if until > now]
