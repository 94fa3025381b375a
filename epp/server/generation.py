"""Schedulers that take each other's place while requests of earlier ones are in flight."""

import logging
from collections.abc import Callable, Sequence

from epp.api.endpoint import Candidate, Endpoint
from epp.api.plugin import EndpointObserver, Outcome
from epp.api.request import Decision, Request
from epp.scheduling.scheduler import Scheduler

log = logging.getLogger(__name__)


class Generation:
    """One configuration's scheduler, and how many of its requests are in flight.

    A request is completed by the generation that dispatched it, whichever is asked.

    Args:
        scheduler: decides, and its plugins are told.
        forget: called when the last request of a retired generation has ended.
    """

    def __init__(self, scheduler: Scheduler, forget: Callable[["Generation"], None]) -> None:
        self.scheduler = scheduler
        self.inflight = 0
        self.is_retired = False
        self._forget = forget

    def schedule(self, request: Request, candidates: Sequence[Candidate]) -> Decision:
        """Choose endpoints.

        Raises:
            Refusal: no endpoint can serve the request.
        """
        return self.scheduler.schedule(request, candidates)

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Tell the plugins of a decision."""
        self.noted(request)
        self.scheduler.dispatched(request, decision, candidates)

    def noted(self, request: Request) -> None:
        """Take a request for one of this generation."""
        request.scratch[Generation] = self
        self.inflight += 1

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Tell the plugins of an end that saw the beginning."""
        owner: Generation = request.scratch.pop(Generation, self)
        owner.inflight -= 1
        owner.scheduler.completed(request, decision, outcome)
        if owner.is_retired and owner.inflight <= 0:
            owner._forget(owner)


class TimedGeneration:
    """The same with a scheduler that reports how long each plugin takes."""

    def __init__(self, generation: Generation, scheduler: Scheduler) -> None:
        self._generation = generation
        self._scheduler = scheduler

    def schedule(self, request: Request, candidates: Sequence[Candidate]) -> Decision:
        """Choose endpoints.

        Raises:
            Refusal: no endpoint can serve the request.
        """
        return self._scheduler.schedule(request, candidates)

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Tell the plugins of a decision."""
        self._generation.noted(request)
        self._scheduler.dispatched(request, decision, candidates)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Tell the plugins of an end that saw the beginning."""
        self._generation.completed(request, decision, outcome)


class Generations:
    """The generation that decides now, and earlier ones that still have requests in flight.

    It is the pool's one observer: a plugin that is in several of them is told once.
    """

    def __init__(self) -> None:
        self._current: Generation | None = None
        self._retired: list[Generation] = []

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler that decides now."""
        assert self._current is not None
        return self._current.scheduler

    def begin(self, scheduler: Scheduler) -> Generation:
        """Let a scheduler decide from now on; return it for the director."""
        last, self._current = self._current, Generation(scheduler, self._retired_ended)
        if last is not None:
            last.is_retired = True
            if last.inflight:
                self._retired.append(last)
        return self._current

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Tell the plugins to forget an endpoint; one that fails stops nobody else."""
        told: set[int] = set()
        for generation in [self._current, *self._retired]:
            for instance in generation.scheduler.instances if generation else ():
                plugin = instance.plugin
                if id(plugin) not in told and isinstance(plugin, EndpointObserver):
                    told.add(id(plugin))
                    try:
                        plugin.endpoint_gone(endpoint)
                    except Exception:
                        # Its slot will be another endpoint's: all others must forget it.
                        log.exception(
                            "plugin %s failed to forget endpoint %s", instance.name, endpoint.name
                        )

    def _retired_ended(self, generation: Generation) -> None:
        if generation in self._retired:
            self._retired.remove(generation)
