"""Decides one request: candidates, scheduling, and the accounts of both.

The order of checks is upstream's (rewrite, objective, admission, candidates, schedule), so that a
request with several faults gets the same answer from either program.
"""

from collections.abc import Callable, Sequence
from itertools import cycle
from time import perf_counter
from typing import Protocol

from epp.api.endpoint import Candidate
from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.datalayer.pool import Pool
from epp.director.subset import restrict
from epp.metrics.recorder import EppMetrics

_NO_CANDIDATES = "failed to find candidate pods for serving the request"
SAMPLE = 64
_EMPTY_POOL = "no pods available in datastore"


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


class Director:
    """Takes requests to decisions.

    Args:
        pool: where candidates come from and in-flight requests are counted.
        scheduler: who chooses among them.
        timed_scheduler: the same, reporting how long each plugin takes; it decides every
            ``SAMPLE``-th request.
        metrics: what is told of it.
        touch: called for each request, so that the scraper knows that requests flow.
    """

    def __init__(
        self,
        pool: Pool,
        scheduler: Schedules,
        timed_scheduler: Schedules,
        metrics: EppMetrics,
        *,
        touch: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._scheduler = scheduler
        self._turns = cycle((timed_scheduler, *[scheduler] * (SAMPLE - 1)))
        self._metrics = metrics
        self._touch = touch

    def route(self, request: Request) -> Decision:
        """Choose the endpoints for a request with a body.

        Raises:
            Refusal: nobody can serve it.
        """
        self._touch()
        pool, metrics = self._pool, self._metrics
        candidates: Sequence[Candidate] = pool.snapshot()
        if request.subset is not None:
            candidates = restrict(candidates, request.subset)
        if not candidates:
            raise Refusal(Code.SERVICE_UNAVAILABLE, _NO_CANDIDATES)
        scheduler = next(self._turns)
        started = perf_counter()
        try:
            decision = scheduler.schedule(request, candidates)
        except Exception:
            metrics.unschedulable += 1
            raise
        finally:
            metrics.scheduling.observe(perf_counter() - started)
        scheduler.dispatched(request, decision, candidates)
        pool.dispatched(decision.primary)
        return decision

    def route_any(self, request: Request) -> Decision:
        """Choose the endpoints for a request without a body, for example ``GET /v1/models``.

        Raises:
            Refusal: nobody can serve it.
        """
        if not len(self._pool):
            raise Refusal(Code.INTERNAL, _EMPTY_POOL)
        return self.route(request)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Account for the end of a routed request; exactly once for each."""
        self._pool.completed(decision.primary)
        self._scheduler.completed(request, decision, outcome)
