"""Decides one request: what it asks for, whether it may go on, candidates, scheduling, accounts.

The order of checks is upstream's (rewrite, objective, admission, candidates, producers, admitters,
schedule), so that a request with several faults gets the same answer from either program.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import cycle
from time import perf_counter
from typing import NamedTuple, Protocol

from epp.api.endpoint import Candidate
from epp.api.errors import Code, Refusal, all_screened, no_candidates
from epp.api.plugin import (
    Admitter,
    DecisionAmender,
    Outcome,
    PreAdmitter,
    Producer,
    Screener,
)
from epp.api.request import Decision, Request
from epp.datalayer.pool import Pool
from epp.director.intent import Intents
from epp.director.subset import restrict
from epp.flowcontrol.outcomes import shed
from epp.metrics.recorder import EppMetrics

log = logging.getLogger(__name__)

SAMPLE = 64
PRODUCERS_SECONDS = 0.4
"""How long a request waits for all its producers together (GAIE)."""
_EMPTY_POOL = "no pods available in datastore"
_NOT_ADMITTED = "request cannot be admitted"
_READING = ("GET", "HEAD")
"""Methods whose requests ask for no inference: they never wait for room in the pool."""

Later = Callable[[Decision | Refusal], None]
"""Takes the answer to a request that could not be decided at once; called once, or never if the
request is abandoned. A refusal after the decision ends a request while it is served."""


class Schedules(Protocol):
    """What the director needs of a scheduler."""

    def schedule(self, request: Request, candidates: Sequence[Candidate]) -> Decision:
        """Choose endpoints.

        Raises:
            Refusal: no endpoint can serve the request.
        """
        ...

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Tell the plugins of a decision."""
        ...

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Tell the plugins of an end."""
        ...


class Admission(Protocol):
    """Decides whether, and when, requests may go on."""

    def admit(
        self,
        request: Request,
        proceed: Callable[[Refusal | None], None],
        revoke: Callable[[Refusal], None],
    ) -> bool:
        """Let a request go on, or queue it.

        Args:
            request: with its priority and target model set.
            proceed: to be called once, later, if False is returned: with None when the request may
                go on, otherwise with the answer to give.
            revoke: may be called once, after the request went on and before its end: ends it with
                this answer.

        Returns:
            Whether it may go on at once.

        Raises:
            Refusal: it is turned away at once.
        """
        ...

    def abandon(self, request: Request) -> None:
        """Forget a queued request whose client left; ``proceed`` is not called for it any more."""
        ...

    def deciding(self, request: Request) -> None:
        """Note that it will take a while before a request that went on has an endpoint."""
        ...

    def decided(self, request: Request) -> None:
        """Note that the while is over: the request has an endpoint, or is over itself."""
        ...

    def completed(self, request: Request) -> None:
        """Note the end of a request that went on, in whichever way: there may be room now."""
        ...


class Routing(NamedTuple):
    """Everything of a configuration that decides requests; exchanged as a whole.

    Attributes:
        scheduler: who chooses among candidates.
        timed_scheduler: the same, reporting how long each plugin takes; it decides every
            ``SAMPLE``-th request.
        producers: in the order in which they depend on each other.
        admitters: asked in order.
        amenders: add to each decision, in order.
        is_full: tells whether sheddable requests (of a priority below 0) are turned away; None
            turns away none.
        admission: None admits everything at once.
        screeners: leave endpoints out before all others.
        pre_admitters: complete each request first.
    """

    scheduler: Schedules
    timed_scheduler: Schedules
    producers: Sequence[Producer] = ()
    admitters: Sequence[Admitter] = ()
    amenders: Sequence[DecisionAmender] = ()
    is_full: Callable[[Sequence[Candidate]], bool] | None = None
    admission: Admission | None = None
    screeners: Sequence[Screener] = ()
    pre_admitters: Sequence[PreAdmitter] = ()


class Director:
    """Takes requests to decisions.

    Args:
        pool: where candidates come from and in-flight requests are counted.
        routing: what decides; ``use`` exchanges it.
        metrics: what is told of it.
        touch: called for each request, so that the scraper knows that requests flow.
        intents: objectives and model rewrites.
    """

    def __init__(
        self,
        pool: Pool,
        routing: Routing,
        metrics: EppMetrics,
        *,
        touch: Callable[[], None],
        intents: Intents | None = None,
    ) -> None:
        self._pool = pool
        self._metrics = metrics
        self._touch = touch
        self._intents = Intents() if intents is None else intents
        self._waiting: dict[Request, asyncio.Task[None] | None] = {}
        self.use(routing)

    def use(self, routing: Routing) -> None:
        """Decide by this from now on."""
        self._routing = routing
        self._amenders = routing.amenders
        self._turns = cycle((routing.timed_scheduler, *[routing.scheduler] * (SAMPLE - 1)))
        self._is_plain = (
            not routing.producers
            and not routing.admitters
            and not routing.pre_admitters
            and routing.admission is None
        )

    def route(self, request: Request, later: Later) -> Decision | None:
        """Choose the endpoints for a request with a body.

        Returns:
            The decision; or None when ``later`` will be called with it, or with the refusal.

        Raises:
            Refusal: nobody can serve it.
        """
        self._touch()
        if self._intents:
            self._apply_intents(request)
        if self._is_plain:
            return self._schedule(request, self._candidates(request))
        for pre_admitter in self._routing.pre_admitters:
            pre_admitter.pre_admit(request)
        admission = self._routing.admission
        if admission is not None:
            self._waiting[request] = None
            try:
                is_admitted = admission.admit(
                    request, partial(self._proceed, request, later), later
                )
            except Exception:
                del self._waiting[request]
                raise
            if not is_admitted:
                return None
            del self._waiting[request]
        return self._decide(request, later)

    def route_any(self, request: Request, later: Later) -> Decision | None:
        """Choose the endpoints for a request without a body, for example ``GET /v1/models``.

        Returns:
            As ``route`` does.

        Raises:
            Refusal: nobody can serve it.
        """
        if not len(self._pool):
            raise Refusal(Code.INTERNAL, _EMPTY_POOL)
        if request.headers.get(":method") not in _READING:
            return self.route(request, later)
        self._touch()
        if self._intents:
            self._apply_intents(request)
        return self._decide(request, later)

    def abandon(self, request: Request) -> None:
        """Forget a request that waits for its decision: its client left."""
        if request not in self._waiting:
            return
        task = self._waiting.pop(request)
        if task is not None:
            task.cancel()
            if self._routing.admission is not None:
                self._routing.admission.decided(request)
            self._lost(request)
        elif self._routing.admission is not None:
            self._routing.admission.abandon(request)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Account for the end of a routed request; exactly once for each."""
        self._pool.completed(decision.primary)
        for other in decision.others.values():
            self._pool.completed(other.primary)
        routing = self._routing
        routing.scheduler.completed(request, decision, outcome)
        if routing.admission is not None:
            routing.admission.completed(request)

    def _apply_intents(self, request: Request) -> None:
        """Set priority and target model; sheddable requests may end here (GAIE: shouldReject)."""
        self._intents.apply(request, self._metrics)
        is_full = self._routing.is_full
        if request.priority < 0 and is_full is not None and is_full(self._choices(request)):
            raise shed()

    def _lost(self, request: Request) -> None:
        """Note that a request that was let go on is not going anywhere."""
        if self._routing.admission is not None:
            self._routing.admission.completed(request)

    def _choices(self, request: Request) -> Sequence[Candidate]:
        candidates: Sequence[Candidate] = self._pool.snapshot()
        return candidates if request.subset is None else restrict(candidates, request.subset)

    def _candidates(self, request: Request) -> Sequence[Candidate]:
        candidates = self._choices(request)
        if not candidates:
            raise no_candidates()
        for screener in self._routing.screeners:
            candidates = screener.screen(request, candidates)
            if not candidates:
                raise all_screened()
        return candidates

    def _proceed(self, request: Request, later: Later, refusal: Refusal | None) -> None:
        """Go on with a request that was queued."""
        if request not in self._waiting:
            return
        del self._waiting[request]
        if refusal is not None:
            later(refusal)
            return
        try:
            decision = self._decide(request, later)
        except Refusal as error:
            later(error)
        except Exception:
            log.exception("scheduling failed", extra={"fields": {"x-request-id": request.id}})
            later(Refusal(Code.INTERNAL, "internal error"))
        else:
            if decision is not None:
                later(decision)

    def _decide(self, request: Request, later: Later) -> Decision | None:
        try:
            candidates = self._candidates(request)
            producers = self._routing.producers
            for index, producer in enumerate(producers, 1):
                found = _begun(producer, request, candidates)
                if found is not None:
                    rest = producers[index:]
                    task = asyncio.ensure_future(self._wait(request, later, found, rest))
                    self._waiting[request] = task
                    if self._routing.admission is not None:
                        self._routing.admission.deciding(request)
                    return None
            return self._admit_and_schedule(request, candidates)
        except Exception:
            self._lost(request)
            raise

    async def _wait(
        self, request: Request, later: Later, found: Awaitable[None], rest: Sequence[Producer]
    ) -> None:
        """Wait for producers; then go on with what they found, and the candidates of then.

        Those behind one that takes too long still find what they can without waiting.
        """
        others = iter(rest)
        try:
            async with asyncio.timeout(PRODUCERS_SECONDS):
                await _quietly(found)
                for producer in others:
                    more = _begun(producer, request, self._choices(request))
                    if more is not None:
                        await _quietly(more)
        except TimeoutError:
            log.debug("producers took too long", extra={"fields": {"x-request-id": request.id}})
            for producer in others:
                more = _begun(producer, request, self._choices(request))
                if more is not None:
                    _given_up(more)
        if self._waiting.pop(request, None) is None:
            return
        try:
            answer: Decision | Refusal = self._admit_and_schedule(
                request, self._candidates(request)
            )
        except Refusal as refusal:
            answer = refusal
        except Exception:
            log.exception("scheduling failed", extra={"fields": {"x-request-id": request.id}})
            answer = Refusal(Code.INTERNAL, "internal error")
        if self._routing.admission is not None:
            self._routing.admission.decided(request)
        if isinstance(answer, Refusal):
            self._lost(request)
        later(answer)

    def _admit_and_schedule(self, request: Request, candidates: Sequence[Candidate]) -> Decision:
        for admitter in self._routing.admitters:
            if objection := admitter.objection_to(request, candidates):
                log.debug("not admitted: %s", objection)
                raise Refusal(Code.INTERNAL, _NOT_ADMITTED, detail=objection)
        return self._schedule(request, candidates)

    def _schedule(self, request: Request, candidates: Sequence[Candidate]) -> Decision:
        scheduler, metrics = next(self._turns), self._metrics
        started = perf_counter()
        try:
            decision = scheduler.schedule(request, candidates)
        except Exception:
            metrics.unschedulable += 1
            raise
        finally:
            metrics.scheduling.observe(perf_counter() - started)
        for amender in self._amenders:
            decision = amender.amend(request, decision)
        scheduler.dispatched(request, decision, candidates)
        self._pool.dispatched(decision.primary)
        # Those of other stages work for it too, until nobody knows when: to its end, for us.
        for other in decision.others.values():
            self._pool.dispatched(other.primary)
        return decision


def _begun(
    producer: Producer, request: Request, candidates: Sequence[Candidate]
) -> Awaitable[None] | None:
    """Return what to wait for; a producer that fails has found nothing."""
    try:
        return producer.produce(request, candidates)
    except Exception:
        log.exception("%s failed", type(producer).__name__)
        return None


def _given_up(found: Awaitable[None]) -> None:
    """Do not wait for a producer."""
    end = getattr(found, "cancel", None) or getattr(found, "close", None)
    if end is not None:
        end()


async def _quietly(found: Awaitable[None]) -> None:
    """Wait for a producer; one that fails has found nothing."""
    try:
        await found
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Not we were cancelled but what we waited for, as when a changed configuration stops it.
    except Exception as error:  # noqa: BLE001 - plugins may call anything
        log.debug("a producer failed: %s: %s", type(error).__name__, error)
