"""A scheduler that reports how long each plugin takes.

Reading the clock around a plugin costs about as much as a plugin, so this is a second scheduler
over the same plugin objects, for the few requests that are sampled. It also finds plugins that hand
out data about a request where only producers may: what they publish depends on the order in which
profiles run, and others may have read it before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from time import perf_counter
from typing import Any, Protocol

from epp.api.endpoint import Candidate
from epp.api.plugin import DispatchObserver, Instance
from epp.api.request import Decision, Request
from epp.scheduling.scheduler import Scheduler
from epp.scheduling.stand_ins import watched


class PluginTimer(Protocol):
    """Takes note of one plugin call."""

    def __call__(
        self, extension_point: str, plugin_type: str, plugin_name: str, seconds: float
    ) -> None:
        """Note it; the names are the labels of GAIE's ``plugin_duration_seconds``."""
        ...


class Trespass(Protocol):
    """Takes note of data that a plugin handed out, and may not."""

    def __call__(
        self, extension_point: str, plugin_type: str, plugin_name: str, access: str
    ) -> None:
        """Note it; the names are the labels of ``plugin_data_scope_violations_total`` (llm-d)."""
        ...


def timed(
    scheduler: Scheduler, timer: PluginTimer, trespassed: Trespass | None = None
) -> Scheduler:
    """Return a scheduler whose ``schedule`` and ``dispatched`` report to the timer.

    It decides like the given one and shares its plugins, so that either may serve any request.
    ``completed`` belongs to the given one alone.

    Args:
        scheduler: the one to time.
        timer: is told of each call.
        trespassed: is told of data that filters and scorers published.
    """
    return watched(
        scheduler,
        lambda instance, _: _Timed(instance, timer, trespassed),
        *(
            instance._replace(plugin=_TimedObserver(_Timed(instance, timer, trespassed)))
            for instance in scheduler.instances
            if isinstance(instance.plugin, DispatchObserver)
        ),
    )


class _Timed:
    """Stands for a plugin of whichever family, and has the methods of all of them."""

    __slots__ = ("_instance", "_plugin", "_timer", "_trespassed")

    def __init__(self, instance: Instance, timer: PluginTimer, trespassed: Trespass | None) -> None:
        self._instance = instance
        self._trespassed = trespassed
        self._plugin: Any = instance.plugin
        self._timer = timer

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Any:
        return self._watch("Filter", self._plugin.filter, request, candidates)

    def score(self, request: Request, candidates: Sequence[Candidate]) -> Any:
        return self._watch("Scorer", self._plugin.score, request, candidates)

    def pick(self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random) -> Any:
        return self.call("Picker", self._plugin.pick, candidates, scores, random)

    def profiles(
        self, request: Request, names: Sequence[str], results: Mapping[str, Decision | None]
    ) -> Any:
        return self.call("ProfilePicker", self._plugin.profiles, request, names, results)

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Any:
        return self.call("ProcessProfilesResults", self._plugin.decide, request, results)

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        self.call("PreRequest", self._plugin.dispatched, request, decision, candidates)

    def _watch(
        self,
        extension_point: str,
        method: Callable[..., Any],
        request: Request,
        candidates: Sequence[Candidate],
    ) -> Any:
        known = len(request.scratch)
        try:
            return self.call(extension_point, method, request, candidates)
        finally:
            added = len(request.scratch) - known
            if self._trespassed is not None and added > 0:
                for key in islice(reversed(request.scratch), added):
                    match key:
                        case (type(), str() as producer) if producer:
                            name, kind, _ = self._instance
                            self._trespassed(extension_point, kind, name, "write")

    def call(self, extension_point: str, method: Callable[..., Any], *args: Any) -> Any:
        started = perf_counter()
        try:
            return method(*args)
        finally:
            seconds = perf_counter() - started
            self._timer(extension_point, self._instance.type, self._instance.name, seconds)


@dataclass(frozen=True, slots=True)
class _TimedObserver:
    """Shows a timed plugin's ``dispatched`` only: the scheduler asks who observes what."""

    timed: _Timed

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        self.timed.dispatched(request, decision, candidates)
