"""The scheduling cycle: which profiles run, whose result counts, who is told."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from epp.api.endpoint import Candidate
from epp.api.errors import no_target
from epp.api.plugin import (
    CompletionObserver,
    DispatchObserver,
    Instance,
    Outcome,
    ProfileHandler,
)
from epp.api.request import Decision, Request
from epp.api.tuples import new_tuple
from epp.scheduling.profile import Profile

log = logging.getLogger(__name__)

_NOTHING_ELSE = Decision(())[1:]


@dataclass(frozen=True, slots=True, eq=False)
class Scheduler:
    """Decides where requests go.

    Attributes:
        profiles: by name.
        handler: runs the cycle.
        instances: every configured plugin, used by a profile or not: those that observe are told
            in this order.
        random: source of chance for the pickers.
    """

    profiles: Mapping[str, Profile]
    handler: ProfileHandler
    instances: Sequence[Instance] = ()
    random: Random = field(default_factory=Random)
    _names: tuple[str, ...] = field(init=False)
    _dispatch_observers: tuple[DispatchObserver, ...] = field(init=False)
    _completion_observers: tuple[CompletionObserver, ...] = field(init=False)

    def __post_init__(self) -> None:
        plugins = [instance.plugin for instance in self.instances]
        observers = {
            "_names": tuple(self.profiles),
            "_dispatch_observers": tuple(p for p in plugins if isinstance(p, DispatchObserver)),
            "_completion_observers": tuple(p for p in plugins if isinstance(p, CompletionObserver)),
        }
        for name, value in observers.items():
            object.__setattr__(self, name, value)

    def schedule(self, request: Request, candidates: Sequence[Candidate]) -> Decision:
        """Return the endpoints for the request, the primary first.

        Candidates that cannot be reached are left out as long as another one can.

        Raises:
            Refusal: no profile found an endpoint (429 and message as in GAIE).
        """
        for candidate in candidates:
            if not candidate.is_reachable:
                candidates = [c for c in candidates if c.is_reachable] or candidates
                break
        handler, names = self.handler, self._names
        results: dict[str, Decision | None] = {}
        while wanted := handler.profiles(request, names, results):
            for name in wanted:
                picked = self.profiles[name].run(request, candidates, self.random)
                if picked:
                    endpoints = tuple([c.endpoint for c in picked])
                    results[name] = new_tuple(Decision, (endpoints, *_NOTHING_ELSE))
                else:
                    results[name] = None
            if len(results) == len(names):
                break
        if not results:
            raise no_target("failed to run any scheduler profile for request")
        return handler.decide(request, results)

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Tell the plugins that the decision is carried out; one that fails stops nobody else."""
        for observer in self._dispatch_observers:
            try:
                observer.dispatched(request, decision, candidates)
            except Exception:
                log.exception("%s failed to note a decision", type(observer).__name__)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Tell the plugins how a dispatched request ended; one that fails stops nobody else."""
        for observer in self._completion_observers:
            try:
                observer.completed(request, decision, outcome)
            except Exception:
                log.exception("%s failed to note the end of a request", type(observer).__name__)
