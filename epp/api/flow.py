"""What queued requests look like to the policies of flow control, and the policies' interfaces.

A flow is the requests of one fairness id and one priority; the flows of one priority are a band.
"""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from epp.api.data import InflightLoad
from epp.api.endpoint import Candidate
from epp.api.request import Request


class Flow(Protocol):
    """A flow with requests waiting, as fairness policies see it.

    Attributes:
        fairness_id: unique in its band.
    """

    fairness_id: str

    @property
    def head(self) -> tuple[float, int]:
        """Rank and number of its first request; numbers count arrivals at all flows."""
        ...

    @property
    def head_arrived(self) -> float:
        """When its first request came, in monotonic seconds."""
        ...


class Turns(Protocol):
    """The memory of one band: whose turn it is. All calls are about flows of that band."""

    def changed(self, flow: Flow) -> None:
        """Note that the flow has another first request than before, or one at all."""
        ...

    def emptied(self, flow: Flow) -> None:
        """Forget a flow that has no request any more."""
        ...

    def next(self, now: float) -> Flow:
        """Return the flow whose first request goes next; at least one flow has one.

        Args:
            now: monotonic seconds.
        """
        ...

    def served(self, flow: Flow) -> None:
        """Note that the first request of the flow went on; ``changed`` or ``emptied`` follows."""
        ...


@runtime_checkable
class FairnessPolicy(Protocol):
    """Decides whose turn it is among the flows of a band."""

    def turns(self) -> Turns:
        """Return the memory for one more band."""
        ...


@runtime_checkable
class OrderingPolicy(Protocol):
    """Decides in which order the requests of one flow go on."""

    def rank(self, request: Request, arrived: float, expires: float) -> float:
        """Return the rank: smaller ones go first, equal ones as they came.

        Args:
            request: who waits.
            arrived: monotonic seconds.
            expires: when it will have waited too long; infinity for never.
        """
        ...


@runtime_checkable
class UsageLimitPolicy(Protocol):
    """Decides how full the pool may be for each band to send requests.

    Attributes:
        recheck_seconds: how soon the answer may differ for the same arguments; 0 for never.
    """

    recheck_seconds: ClassVar[float]

    def ceilings(self, priorities: Sequence[int], saturation: float) -> Sequence[float]:
        """Return for each band the saturation at which it has to wait; 0 closes it.

        Args:
            priorities: of all bands, the highest first.
            saturation: of the pool; 1 is full.
        """
        ...


@runtime_checkable
class Averaging(Protocol):
    """A saturation detector that may take the pool for as full as its endpoints are on average.

    Then a change of one endpoint costs no look at the others.
    """

    @property
    def is_mean(self) -> bool:
        """Whether it does so."""
        ...

    def fullness(self, candidate: Candidate) -> float:
        """Return how full one endpoint is; the pool's saturation is the mean of these."""
        ...


@runtime_checkable
class EvictionFilter(Protocol):
    """Decides which requests may be ended while they are served."""

    def accepts(self, request: Request) -> bool:
        """Tell whether the request may be ended to make room for a more important one."""
        ...


@runtime_checkable
class EvictionOrder(Protocol):
    """Decides which of those is ended first."""

    def rank(self, request: Request, started: float) -> tuple[float, ...]:
        """Return the rank: the smallest one is ended first.

        Args:
            request: who is served.
            started: when it went on, in monotonic seconds.
        """
        ...


@runtime_checkable
class InflightCounter(Protocol):
    """Counts what is in flight at each endpoint, for those who ask without a request at hand."""

    def inflight(self) -> InflightLoad:
        """Return it: a live view, not to be changed."""
        ...
