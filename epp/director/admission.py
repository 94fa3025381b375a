"""Keeps requests waiting while the pool is too full: who goes on at once, later, or not at all.

Nothing here runs on a clock of its own: requests are let go when something happens that can make
room (a scrape, a change of the pool, the end of a request), when one arrives, and when one has
waited too long. While nobody waits there is no timer.
"""

import logging
from collections.abc import Callable, Sequence
from math import inf
from time import perf_counter
from typing import Protocol

from epp.api.errors import Code, Refusal
from epp.api.request import Request
from epp.director.fullness import Fullness
from epp.flowcontrol.controller import Blocked, FlowController
from epp.flowcontrol.outcomes import NOT_YET_FINALIZED, Outcome, refusal, revoked
from epp.flowcontrol.queue import Waiting
from epp.flowcontrol.reclaiming import Reclaiming
from epp.metrics.flow import FlowLoad, FlowMetrics, FlowSeries

log = logging.getLogger(__name__)

MOST_PER_TURN = 32
"""Requests that go on before the event loop does something else."""

FIGURES_SECONDS = 0.005
"""Between two looks for room that only new figures of endpoints gave cause for."""

_RETRY_SECONDS = 1.0
"""After a look for room that failed."""

Proceed = Callable[[Refusal | None], None]
Revoke = Callable[[Refusal], None]


class Timers(Protocol):
    """The event loop, as far as it is needed here."""

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def soon(self, call: Callable[[], None]) -> None:
        """Call when what happens now is done."""
        ...

    def at(self, when: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call at that time; return what takes it back."""
        ...


class _Place:
    """A request that waits, and who is to be told."""

    __slots__ = ("proceed", "revoke", "series", "waiting")

    def __init__(
        self, waiting: Waiting, series: FlowSeries, proceed: Proceed, revoke: Revoke
    ) -> None:
        self.waiting = waiting
        self.series = series
        self.proceed = proceed
        self.revoke = revoke
        series.joined(waiting.size)


class Queueing:
    """Flow control: requests wait while the pool is too full for their priority.

    Args:
        controller: the queues.
        fullness: of the pool.
        timers: the event loop.
        metrics: what is told of it.
        detector: what metrics call the one who says how full the pool is.
        reclaiming: who may be ended while served; None for nobody.
    """

    def __init__(
        self,
        controller: FlowController,
        fullness: Fullness,
        timers: Timers,
        metrics: FlowMetrics,
        *,
        detector: str,
        reclaiming: Reclaiming | None = None,
    ) -> None:
        self._controller = controller
        self._fullness = fullness
        self._timers = timers
        self._metrics = metrics
        self._detector = detector
        self._reclaiming = reclaiming
        self._recheck_seconds = controller.settings.usage_limits.recheck_seconds
        self._places: dict[Request, _Place] = {}
        self._revocable: dict[Request, Revoke] = {}
        self._deciding: set[Request] = set()
        self._is_due = False
        self._is_closed = False
        self._turned_at = -inf
        self._alarm_at = inf
        self._cancel_alarm: Callable[[], None] | None = None
        metrics.load = self.load

    def admit(self, request: Request, proceed: Proceed, revoke: Revoke) -> bool:
        """Let a request go on, or queue it; as ``director.Admission`` says."""
        metrics, controller = self._metrics, self._controller
        if self._is_closed:
            metrics.ended(request, Outcome.REJECTED_OTHER.value, 0.0)
            raise refusal(Outcome.REJECTED_OTHER)
        if not controller.length:
            saturation = self._fullness.read()
            if saturation < controller.ceiling(request.priority, saturation):
                metrics.ended(request, Outcome.DISPATCHED.value, 0.0)
                self._went_on(request, revoke)
                return True
        now, started = self._timers.now(), perf_counter()
        controller.note_pool(is_empty=not self._fullness.size(), now=now)
        waiting = controller.join(request, now, now)
        label = NOT_YET_FINALIZED if isinstance(waiting, Waiting) else waiting.value
        metrics.enqueued(request, label, perf_counter() - started)
        if not isinstance(waiting, Waiting):
            metrics.ended(request, waiting.value, 0.0)
            raise refusal(waiting)
        self._seat(waiting, proceed, revoke)
        return False

    def abandon(self, request: Request) -> None:
        """Forget a queued request whose client left."""
        place = self._places.pop(request, None)
        if place is not None:
            self._controller.leave(place.waiting, self._timers.now())
            self._ended(place, Outcome.EVICTED_CONTEXT_CANCELLED)
            if self._places:
                self.wake()
            else:
                self._set_alarm(inf)

    def deciding(self, request: Request) -> None:
        """Note that a request that went on will count in the pool's figures only later."""
        self._deciding.add(request)

    def decided(self, request: Request) -> None:
        """Note that it counts now, or never will."""
        self._deciding.discard(request)
        self.wake()

    def completed(self, request: Request) -> None:
        """Note the end of a request that went on: there may be room for another."""
        if self._reclaiming is not None:
            self._revocable.pop(request, None)
            self._reclaiming.ended(request, self._timers.now())
        self.wake()

    def wake(self) -> None:
        """Look soon whether somebody may go on; costs nothing while nobody waits."""
        if self._places and not self._is_due:
            self._is_due = True
            self._timers.soon(self._turn)

    def note_figures(self) -> None:
        """Look for room because new figures of an endpoint came, though not for each of many."""
        if self._places and not self._is_due:
            when = self._turned_at + FIGURES_SECONDS
            if self._timers.now() >= when:
                self.wake()
            elif when < self._alarm_at:
                self._set_alarm(when)

    def close(self) -> None:
        """Answer everybody who waits, and everybody who comes: it ends."""
        self._is_closed = True
        self._set_alarm(inf)
        self._refuse([place.waiting for place in self._places.values()], Outcome.EVICTED_OTHER)

    def hand_over(self, heir: "Queueing | None") -> None:
        """Give everybody who waits to another one, or let them go on if there is none.

        It also gets those who are served and may be ended.
        """
        self._set_alarm(inf)
        served, self._revocable = self._revocable, {}
        if heir is not None:
            for request, revoke in served.items():
                heir._went_on(request, revoke)  # noqa: SLF001 - one of its own kind
        places, self._places = self._places, {}
        for request, place in places.items():
            self._controller.leave(place.waiting, self._timers.now())
            if heir is None:
                self._ended(place, Outcome.DISPATCHED)
                place.proceed(None)
            else:
                place.series.left(place.waiting.size)
                heir.take(request, place.waiting.arrived, place.proceed, place.revoke)

    def take(self, request: Request, arrived: float, proceed: Proceed, revoke: Revoke) -> None:
        """Queue a request that waited elsewhere before; without room it is refused."""
        now = self._timers.now()
        try:
            waiting = self._controller.join(request, arrived, now)
        except Exception:
            log.exception("a policy of flow control failed")
            proceed(Refusal(Code.INTERNAL, "internal error"))
            return
        if isinstance(waiting, Waiting):
            self._seat(waiting, proceed, revoke)
        else:
            self._metrics.ended(request, waiting.value, now - arrived)
            proceed(refusal(waiting))

    def load(self) -> FlowLoad:
        """Return how full the pool and the queues are, for the metrics."""
        controller, reclaiming = self._controller, self._reclaiming
        settings = controller.settings
        return FlowLoad(
            saturation={"effective": self._fullness.read()},
            stale_endpoints={self._detector: self._fullness.stale()},
            bands={
                band.priority: (
                    _share(band.length, band.settings.max_requests),
                    _share(band.bytes, band.settings.max_bytes),
                )
                for band in controller.bands
            },
            whole=(
                _share(controller.length, settings.max_requests) if settings.max_requests else None,
                _share(controller.bytes, settings.max_bytes) if settings.max_bytes else None,
            ),
            reclaim_target=reclaiming.target if reclaiming is not None else 0.0,
            pending_reclaim=reclaiming.pending() if reclaiming is not None else 0.0,
        )

    def _seat(self, waiting: Waiting, proceed: Proceed, revoke: Revoke) -> None:
        series = self._metrics.of(waiting.request)
        self._places[waiting.request] = _Place(waiting, series, proceed, revoke)
        self.wake()

    def _turn(self) -> None:
        """Look who may go on, and say when to look again."""
        self._is_due = False
        now = self._turned_at = self._timers.now()
        try:
            look_at = self._let_go(now)
        except Exception:
            # A policy or the detector: who waits goes on waiting, and is refused in due time.
            log.exception("looking for room failed")
            look_at = now + _RETRY_SECONDS
        self._set_alarm(min(look_at, self._controller.deadline) if self._places else inf)

    def _let_go(self, now: float) -> float:
        """Let go who may go, up to a limit, and refuse who waited too long.

        Returns:
            When to look again by the clock; infinity for not before something happens.
        """
        controller = self._controller
        controller.note_pool(is_empty=not self._fullness.size(), now=now)
        self._refuse(*controller.expire(now))
        most_undecided = max(1, self._fullness.size())
        for _ in range(MOST_PER_TURN):
            # Those do not show in the figures yet: a queue must not empty itself unseen.
            if len(self._deciding) >= most_undecided:
                return inf
            started = perf_counter()
            saturation = self._fullness.read()
            waiting = controller.next(saturation, now)
            self._metrics.cycles.observe(perf_counter() - started)
            if waiting is None:
                return inf
            if isinstance(waiting, Blocked):
                return self._blocked(waiting, saturation, now)
            request = waiting.request
            place = self._places.pop(request)
            self._ended(place, Outcome.DISPATCHED)
            self._went_on(request, place.revoke)
            place.proceed(None)
        self.wake()
        return inf

    def _blocked(self, blocked: Blocked, saturation: float, now: float) -> float:
        """Do what can be done for a band that waits; return when to look again by the clock."""
        look_at = inf
        if saturation < 1.0 and self._recheck_seconds:
            look_at = now + self._recheck_seconds
        reclaiming = self._reclaiming
        if reclaiming is None:
            return look_at
        inflight = self._fullness.inflight()
        for victim in reclaiming.victims(
            saturation, blocked.ceiling, blocked.priority, inflight, now
        ):
            self._revocable.pop(victim)(revoked())
        return min(look_at, reclaiming.next_look)

    def _refuse(self, those: Sequence[Waiting], outcome: Outcome) -> None:
        for waiting in those:
            # An answer may end a connection, and with it others who wait.
            place = self._places.pop(waiting.request, None)
            if place is not None:
                try:
                    self._controller.leave(waiting, self._timers.now())
                finally:
                    self._ended(place, outcome)
                    place.proceed(refusal(outcome))

    def _went_on(self, request: Request, revoke: Revoke) -> None:
        reclaiming = self._reclaiming
        try:
            if reclaiming is not None and reclaiming.started(request, self._timers.now()):
                self._revocable[request] = revoke
        except Exception:
            log.exception("a policy of eviction failed")

    def _ended(self, place: _Place, outcome: Outcome) -> None:
        waiting = place.waiting
        place.series.left(waiting.size)
        seconds = self._timers.now() - waiting.arrived
        self._metrics.ended(waiting.request, outcome.value, seconds)

    def _set_alarm(self, when: float) -> None:
        if when == self._alarm_at:
            return
        if self._cancel_alarm is not None:
            self._cancel_alarm()
            self._cancel_alarm = None
        self._alarm_at = when
        if when < inf:
            self._cancel_alarm = self._timers.at(when, self._ring)

    def _ring(self) -> None:
        self._alarm_at, self._cancel_alarm = inf, None
        self.wake()


def _share(value: int, most: int) -> float:
    return value / most if most else 0.0
