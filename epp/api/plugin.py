"""The plugin interfaces.

A plugin is a frozen, slotted dataclass whose init fields are its parameters. Scoring, filtering and
picking are pure functions of their arguments: no clock, no logging, randomness is handed in.
Memory (a prefix index, sessions) is an object of its own in a field with ``init=False``.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple, Protocol, runtime_checkable

from epp.api.endpoint import Candidate, Endpoint
from epp.api.request import Decision, Request

NEUTRAL = 0.5
"""What every candidate scores while a scorer knows nothing of any of them."""


class Instance(NamedTuple):
    """One plugin of a configuration: what its metrics and messages call it, and the object."""

    name: str
    type: str
    plugin: object


class Filter(Protocol):
    """Keeps the candidates that may serve the request."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those kept, in the order given; the input is not changed."""
        ...


class Scorer(Protocol):
    """Grades candidates."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return one score in [0, 1] per candidate, in the order given; higher is better."""
        ...


class Picker(Protocol):
    """Chooses among scored candidates."""

    def pick(
        self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random
    ) -> Sequence[Candidate]:
        """Return the chosen ones, best first; never more than asked for, never none of some.

        Args:
            candidates: at least one; not changed.
            scores: the weighted sum of scores of each candidate, in the same order; never NaN.
            random: the only source of chance. Candidates with equal scores have equal chances.
        """
        ...


class ProfileHandler(Protocol):
    """Decides which scheduling profiles run and which result is the primary one."""

    def objection(self, names: Sequence[str]) -> str:
        """Return why it cannot work with these configured profiles; empty when it can."""
        ...

    def profiles(
        self,
        request: Request,
        names: Sequence[str],
        results: Mapping[str, Decision | None],
    ) -> Sequence[str]:
        """Return the profiles to run next; the cycle ends with none, or when all have run.

        Args:
            request: the request being scheduled.
            names: every configured profile.
            results: what has run so far; None stands for a profile that failed.
        """
        ...

    def primary(self, request: Request, results: Mapping[str, Decision | None]) -> str:
        """Return the name of the profile whose endpoints are the answer.

        Raises:
            Refusal: no usable result.
        """
        ...


@runtime_checkable
class DispatchObserver(Protocol):
    """Wants to know of decisions (upstream: PreRequest)."""

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Called once after the pick and before the answer leaves."""
        ...


class Outcome(NamedTuple):
    """How a dispatched request ended.

    Attributes:
        status: HTTP status of the model server; 0 when it was not seen.
        is_complete: the exchange ended by itself, not by a reset.
    """

    status: int = 0
    is_complete: bool = True


@runtime_checkable
class CompletionObserver(Protocol):
    """Wants to know how requests end (upstream: ResponseComplete)."""

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Called exactly once per dispatched request."""
        ...


@runtime_checkable
class EndpointObserver(Protocol):
    """Keeps memory per endpoint."""

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget the endpoint; its slot may be used by another one after this call."""
        ...


class DiscoverySource(Protocol):
    """Where endpoints come from; the server builds the reader that belongs to the type."""
