"""Who waits, who goes next and who waited too long. No clock, no callbacks, no event loop.

Bands go strictly by priority, flows of a band by its fairness policy, requests of a flow by its
ordering policy. Nothing goes while the pool is as full as the ceiling of the highest band that has
requests: lower bands wait too, for what they send would only keep the higher one waiting longer.
"""

from bisect import insort
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from epp.api.flow import EvictionFilter, EvictionOrder, UsageLimitPolicy
from epp.api.request import Request
from epp.flowcontrol.bands import Band, BandSettings
from epp.flowcontrol.outcomes import Outcome
from epp.flowcontrol.queue import Waiting

BAND_IDLE_SECONDS = 600.0
"""A band that the configuration does not list goes when it was empty for so long (GAIE)."""


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """How requests are queued while the pool is full.

    Attributes:
        bands: by priority, as the configuration lists them.
        other: template of the bands of other priorities.
        other_negative: the same below 0.
        usage_limits: how full the pool may be for each band.
        max_bytes: that may wait in all; 0 is unlimited.
        max_requests: the same as a count.
        ttl: longest wait in seconds while the pool has endpoints; 0 is unlimited.
        no_endpoint_ttl: the same while it has none.
        tells_empty_pool: requests that find no room, or wait too long, while the pool has no
            endpoint have outcomes of their own (llm-d-router).
        eviction: which requests are ended while they are served if more important ones wait, and
            in which order (llm-d-router); None for none.
    """

    other: BandSettings
    other_negative: BandSettings
    usage_limits: UsageLimitPolicy
    bands: Mapping[int, BandSettings] = field(default_factory=dict)
    max_bytes: int = 0
    max_requests: int = 0
    ttl: float = 0.0
    no_endpoint_ttl: float = 0.0
    tells_empty_pool: bool = False
    eviction: tuple[EvictionFilter, EvictionOrder] | None = None


class Blocked:
    """Why nobody goes on although somebody waits.

    Attributes:
        priority: of the highest band with requests.
        ceiling: of that band.
    """

    __slots__ = ("ceiling", "priority")

    def __init__(self, priority: int, ceiling: float) -> None:
        self.priority = priority
        self.ceiling = ceiling


class FlowController:
    """The queues in front of a pool.

    Every time is in monotonic seconds.

    Args:
        settings: as configured.

    Attributes:
        length: requests waiting.
        bytes: their sizes.
    """

    def __init__(self, settings: FlowSettings) -> None:
        self.settings = settings
        self.length = 0
        self.bytes = 0
        self._bands: dict[int, Band] = {}
        self._order: list[Band] = []
        self._priorities: list[int] = []
        self._arrivals: OrderedDict[int, Waiting] = OrderedDict()
        self._next_number = 0
        self._is_empty = False
        self._regime_since = -inf
        self._next_collection = 0.0
        for priority, band in settings.bands.items():
            self._add(Band(priority, band, is_dynamic=False))

    @property
    def bands(self) -> Sequence[Band]:
        """All bands, the highest first."""
        return self._order

    def waiting(self) -> Iterator[Waiting]:
        """Return who waits, in the order of arrival."""
        return iter(self._arrivals.values())

    def ceiling(self, priority: int, saturation: float) -> float:
        """Return how full the pool may be for requests of this priority."""
        band = self._band(priority)
        ceilings = self.settings.usage_limits.ceilings(self._priorities, saturation)
        return ceilings[self._order.index(band)]

    def join(self, request: Request, arrived: float, now: float) -> Waiting | Outcome:
        """Queue a request; return its place, or why there is none."""
        settings, size = self.settings, request.size
        band = self._band(request.priority)
        if (
            (settings.max_bytes and size and self.bytes + size > settings.max_bytes)
            or (settings.max_requests and self.length >= settings.max_requests)
            or not band.has_room(size)
        ):
            if self._is_empty and settings.tells_empty_pool:
                return Outcome.REJECTED_NO_ENDPOINTS
            return Outcome.REJECTED_CAPACITY
        self._next_number = number = self._next_number + 1
        flow = band.flow(request.fairness_id)
        waiting = Waiting(request, flow, band.priority, number, arrived)
        waiting.rank = band.settings.ordering.rank(request, arrived, self._expiry(waiting))
        band.join(waiting)
        self._arrivals[number] = waiting
        self.length += 1
        self.bytes += size
        if now >= self._next_collection:
            self._collect(now)
        return waiting

    def next(self, saturation: float, now: float) -> Waiting | Blocked | None:
        """Take out the request that goes on now.

        Returns:
            It; or why nobody goes; or None if nobody waits.
        """
        if not self.length:
            return None
        for index, band in enumerate(self._order):
            if not band.length:
                continue
            ceilings = self.settings.usage_limits.ceilings(self._priorities, saturation)
            if saturation >= ceilings[index]:
                return Blocked(band.priority, ceilings[index])
            waiting = band.next(now)
            band.served(waiting)
            self._left(waiting, band, now)
            return waiting
        return None

    def leave(self, waiting: Waiting, now: float) -> None:
        """Take a request out that does not wait any more."""
        band = self._bands[waiting.priority]
        band.leave(waiting)
        self._left(waiting, band, now)

    def note_pool(self, *, is_empty: bool, now: float) -> None:
        """Note whether the pool has endpoints; when that changes all time limits begin anew."""
        if is_empty is not self._is_empty:
            self._is_empty = is_empty
            self._regime_since = now

    @property
    def deadline(self) -> float:
        """When the first request will have waited too long; infinity for never."""
        first = next(iter(self._arrivals.values()), None)
        return inf if first is None else self._expiry(first)

    def expire(self, now: float) -> tuple[Sequence[Waiting], Outcome]:
        """Return those who waited too long, still in their places, and what becomes of them."""
        expired = []
        for waiting in self._arrivals.values():
            if self._expiry(waiting) > now:
                break
            expired.append(waiting)
        is_told = self._is_empty and self.settings.tells_empty_pool
        return expired, Outcome.EVICTED_NO_ENDPOINTS if is_told else Outcome.EVICTED_TTL

    def _expiry(self, waiting: Waiting) -> float:
        # All have the same limit, so they expire in the order of arrival.
        settings = self.settings
        ttl = settings.no_endpoint_ttl if self._is_empty else settings.ttl
        return max(waiting.arrived, self._regime_since) + ttl if ttl else inf

    def _left(self, waiting: Waiting, band: Band, now: float) -> None:
        del self._arrivals[waiting.number]
        self.length -= 1
        self.bytes -= waiting.size
        if not band.length:
            band.idle_since = now

    def _band(self, priority: int) -> Band:
        band = self._bands.get(priority)
        if band is None:
            settings = self.settings
            template = settings.other if priority >= 0 else settings.other_negative
            band = Band(priority, template, is_dynamic=True)
            self._add(band)
        return band

    def _add(self, band: Band) -> None:
        self._bands[band.priority] = band
        insort(self._order, band, key=lambda b: -b.priority)
        self._priorities = [b.priority for b in self._order]

    def _collect(self, now: float) -> None:
        """Drop bands that nobody uses; the next look is a tenth of their patience away."""
        self._next_collection = now + BAND_IDLE_SECONDS / 10
        for band in list(self._order):
            if band.is_dynamic and not band.length and now - band.idle_since >= BAND_IDLE_SECONDS:
                del self._bands[band.priority]
                self._order.remove(band)
        self._priorities = [band.priority for band in self._order]
