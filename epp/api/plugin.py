"""The plugin interfaces.

A plugin is a frozen, slotted dataclass whose init fields are its parameters. Scoring, filtering and
picking are pure functions of their arguments: no clock, no logging, randomness is handed in.
Memory (a prefix index, sessions) is an object of its own in a field with ``init=False``.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from epp.api.endpoint import Candidate, Endpoint, Snapshot
from epp.api.metrics import MetricFamily
from epp.api.request import Decision, Request, Usage

NEUTRAL = 0.5
"""What every candidate scores while a scorer knows nothing of any of them."""


class Instance(NamedTuple):
    """One plugin of a configuration: what its metrics and messages call it, and the object."""

    name: str
    type: str
    plugin: object


@runtime_checkable
class Connected(Protocol):
    """Works with other plugins of the same configuration."""

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Find the others, once, after all were made and before any is used.

        Args:
            name: this instance's own.
            instances: every instance by name, in the order of the file, this one included.

        Returns:
            What is wrong, for example that a plugin named in a parameter does not exist; empty when
            nothing is.
        """
        ...


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


@runtime_checkable
class StandingScorer(Scorer, Protocol):
    """A scorer that does not look at the request: its scores are kept while candidates stay."""

    def standing(self, candidates: Snapshot) -> tuple[Sequence[float], int]:
        """Return what ``score`` would for these candidates, which are all fresh.

        Returns:
            The scores, which belong to the scorer and may change with the next call; and the number
            of a round. Within a round scores change only where candidates do.
        """
        ...


class SparseScores(Sequence[float]):
    """Scores that are 0 but for a few candidates of many.

    Args:
        length: number of candidates.
        scores: those that are not 0, by position.
    """

    __slots__ = ("length", "scores")

    def __init__(self, length: int, scores: Mapping[int, float]) -> None:
        self.length = length
        self.scores = scores

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self.scores.get(at, 0.0) for at in range(*position.indices(self.length))]
        if not -self.length <= position < self.length:
            raise IndexError(position)
        return self.scores.get(position % self.length, 0.0)


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

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        """Return the answer: the primary profile's result, with what the others add to it.

        Raises:
            Refusal: no usable result.
        """
        ...


@runtime_checkable
class Producer(Protocol):
    """Finds out something about a request before it is scheduled (upstream: PrepareData).

    What it finds it hands to ``epp.api.data.publish``, for scorers, filters and other producers.

    Attributes:
        produces: the kinds of data that it publishes.
        consumes: the kinds that other producers must have published before; there may be none.
    """

    produces: ClassVar[frozenset[type]]
    consumes: ClassVar[frozenset[type]]

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> Awaitable[None] | None:
        """Publish what can be found.

        Returns:
            None when it is done. Otherwise what to wait for, for example an HTTP call; it must end
            by itself in due time, and its failure means that nothing was found.
        """
        ...


@runtime_checkable
class PreAdmitter(Protocol):
    """Completes a request before it is admitted or queued (llm-d-router: PreAdmissionProcessor)."""

    def pre_admit(self, request: Request) -> None:
        """Set what is not known of the request yet, for example the flow it belongs to."""
        ...


@runtime_checkable
class Screener(Protocol):
    """Leaves endpoints out before anything else looks at them, profiles or not (llm-d-router)."""

    def screen(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those kept, in the order given; a request of which none are kept is refused."""
        ...


@runtime_checkable
class Admitter(Protocol):
    """May turn a request away before it is scheduled (upstream: AdmitRequest)."""

    def objection_to(self, request: Request, candidates: Sequence[Candidate]) -> str:
        """Return why the request is not admitted; empty when it is."""
        ...


@runtime_checkable
class SaturationDetector(Protocol):
    """Tells how full a pool is."""

    def saturation(self, candidates: Sequence[Candidate]) -> float:
        """Return 0 for an idle pool, 1 and more for one that shall get no more; none: 1."""
        ...


@runtime_checkable
class DispatchObserver(Protocol):
    """Wants to know of decisions (upstream: PreRequest)."""

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Called once after the pick and before the answer leaves."""
        ...


@runtime_checkable
class DecisionAmender(Protocol):
    """Adds something to decisions, for example request headers."""

    def amend(self, request: Request, decision: Decision) -> Decision:
        """Return the decision to carry out; its endpoints stay.

        Raises:
            Refusal: it is not to be carried out.
        """
        ...


class ResponseHead(NamedTuple):
    """The beginning of a response.

    Attributes:
        status: HTTP status; 0 when it is missing or no number.
        headers: lower-case names; the last value of a repeated header.
        served: the endpoint that the gateway says has served, ``ip:port``, or empty.
    """

    status: int
    headers: Mapping[str, str]
    served: str = ""


@runtime_checkable
class ResponseObserver(Protocol):
    """Wants to see response headers (upstream: ResponseReceived, ResponseHeader)."""

    def responded(
        self, request: Request | None, decision: Decision | None, response: ResponseHead
    ) -> Sequence[tuple[str, str]]:
        """Return the response headers to set; the request is None if its phase was not seen."""
        ...


class Outcome(NamedTuple):
    """How a dispatched request ended.

    Attributes:
        status: HTTP status of the model server; 0 when it was not seen.
        is_complete: the exchange ended by itself, not by a reset.
        usage: token counts; None when none were seen or looked for.
        served: the endpoint that the gateway says has served, ``ip:port``, or empty.
        first_byte_seconds: from the request's arrival to the response's headers; 0 when these were
            not seen.
        first_token_seconds: from the request's arrival to the first part of a streamed body; 0 when
            that was not seen.
        seconds: from the request's arrival to the end.
    """

    status: int = 0
    is_complete: bool = True
    usage: Usage | None = None
    served: str = ""
    first_byte_seconds: float = 0.0
    first_token_seconds: float = 0.0
    seconds: float = 0.0


@runtime_checkable
class ResponseReporter(Protocol):
    """Tells the proxy something of a response when it has ended (dynamic metadata)."""

    def report(
        self, request: Request | None, usage: Usage | None
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Return values by metadata namespace and name; empty for none."""
        ...


@runtime_checkable
class NeedsResponse(Protocol):
    """Declares what a plugin must see of responses; whoever does not is content with their end.

    Attributes:
        needs_response: ``headers`` or ``body`` (its token counts and their times).
    """

    needs_response: ClassVar[str]


@runtime_checkable
class DeclaresResponseRole(Protocol):
    """Declares what ``responded`` and ``report`` depend on and what they give.

    Where workers serve streams, plugins live in the process that decides. There they are asked
    about responses, which wait for the answer, unless they declare that this is not needed.

    Attributes:
        response_role: ``function``: what they return follows from the plugin's parameters, the
            response, the decision and the request's own fields; ``scratch`` is not looked at, and
            nothing is remembered. They may be asked in any process. ``listener``: they return
            nothing, so that nobody waits for them.
    """

    response_role: ClassVar[str]


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


@runtime_checkable
class ReadsBody(Protocol):
    """Declares that a plugin looks at ``Request.body``, which else need not travel.

    Attributes:
        reads_body: whether it does, as it is configured.
    """

    @property
    def reads_body(self) -> bool:
        """Whether it does; a class variable where that is always so."""
        ...


class DiscoverySource(Protocol):
    """Where endpoints come from; the server builds the reader that belongs to the type."""


class Host(Protocol):
    """What the server offers to plugins that work in the background."""

    def candidates(self) -> Sequence[Candidate]:
        """Return the endpoints alive now, and what is known of them."""
        ...

    def on_endpoints(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever endpoints came or went; return the undo."""
        ...


@runtime_checkable
class Service(Protocol):
    """A plugin that works in the background: it listens, asks others, or sweeps."""

    async def start(self, host: Host) -> None:
        """Begin; called once, on the event loop, before requests come. Must not wait for others."""
        ...

    async def stop(self) -> None:
        """End everything that ``start`` began; also called if that failed."""
        ...


@runtime_checkable
class Heir(Protocol):
    """Takes over the memory of the instance whose place it takes when a configuration changes."""

    def inherit(self, predecessor: object) -> None:
        """Take what can be used of an instance of the same name and class."""
        ...


@runtime_checkable
class Observable(Protocol):
    """Has metrics of its own."""

    def metrics(self) -> Iterable[MetricFamily]:
        """Return them, evaluated now."""
        ...


@runtime_checkable
class Inspectable(Protocol):
    """Shows its memory on the debug page."""

    def state(self) -> Mapping[str, object]:
        """Return it as JSON values, bounded in size; never a prompt, a header or a token."""
        ...


NOTHING_REPORTED: Mapping[str, Mapping[str, float | str]] = MappingProxyType({})
