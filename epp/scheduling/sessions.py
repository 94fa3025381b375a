"""Session affinity: which endpoint a session belongs to, for a filter and a scorer.

Two strategies of llm-d-router: the client carries an opaque token that names the endpoint, or the
client names its session and we remember the endpoint.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from epp.api.data import SessionId, find
from epp.api.endpoint import Candidate, Endpoint
from epp.api.parameters import Param
from epp.api.plugin import ResponseHead
from epp.api.request import Decision, Request

TOKEN_HEADER = "x-session-token"  # noqa: S105 - a header's name
SESSION_HEADER = "x-session-id"
MAX_SESSIONS = 100_000


@dataclass(frozen=True, slots=True)
class EncodedEndpointHeader:
    """How the token of a session travels."""

    header: Annotated[str, Param("Header of request and response.", minimum=1)] = TOKEN_HEADER


@dataclass(frozen=True, slots=True)
class SessionSource:
    """Where a session's name may stand: exactly one of header and attribute."""

    header: Annotated[str, Param("Request header.")] = ""
    attribute: Annotated[str, Param("Attribute that a producer has found.")] = ""
    producer: Annotated[str, Param("Name of that producer; the first one by default.")] = ""

    def read(self, request: Request) -> str:
        """Return the name; empty when there is none."""
        if self.header:
            return request.headers.get(self.header.lower(), "")
        found = find(request, SessionId, self.producer or self.attribute)
        if found is None and not self.producer:
            found = find(request, SessionId)
        return found.value if found else ""


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """How sessions are named and remembered."""

    sources: Annotated[
        tuple[SessionSource, ...], Param("Where the name may stand; the first one found counts.")
    ] = (SessionSource(header=SESSION_HEADER),)
    eviction_ttl_seconds: Annotated[
        float, Param("Seconds after which an unused session is forgotten.", above=0)
    ] = 300.0
    eviction_sweep_seconds: Annotated[
        float, Param("Seconds between clearings of forgotten sessions.", above=0)
    ] = 10.0


def check_identity(identity: SessionIdentity | None) -> None:
    """Check what the types cannot say.

    Raises:
        ValueError: there is no source, or one is not exactly one thing.
    """
    if identity is None:
        return
    if not identity.sources:
        raise ValueError("sessionIdConfig: sources must not be empty")
    for source in identity.sources:
        if bool(source.header) is bool(source.attribute):
            raise ValueError("sessionIdConfig: a source is either a header or an attribute")
        if source.producer and not source.attribute:
            raise ValueError("sessionIdConfig: a producer belongs to an attribute")


class TokenAffinity:
    """The client brings back a token that names an endpoint."""

    __slots__ = ("header", "profile")

    def __init__(self, header: str, profile: str) -> None:
        self.header = header.lower()
        self.profile = profile

    def preferred(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the candidate that the token names; none for a token that names no candidate."""
        token = request.headers.get(self.header)
        if not token:
            return ()
        try:
            namespace, _, name = b64decode(token, validate=True).decode().partition("/")
        except ValueError:
            return ()
        for candidate in candidates:
            endpoint = candidate.endpoint
            if endpoint.name == name and endpoint.namespace == namespace:
                return (candidate,)
        return ()

    def stamp(self, decision: Decision | None, response: ResponseHead) -> Sequence[tuple[str, str]]:
        """Return the response header that gives the client its token."""
        endpoint = _chosen(decision, self.profile, response.served)
        if endpoint is None:
            return ()
        name = f"{endpoint.namespace}/{endpoint.name}".encode()
        return ((self.header, b64encode(name).decode()),)


@dataclass(slots=True)
class _Binding:
    endpoint: Endpoint
    used_at: float


class SessionTable:
    """Which endpoint each session belongs to; bounded, and forgetting what is not used.

    Sessions are kept as hashes of their names, so that their size is not the client's choice.

    Args:
        ttl: seconds after which an unused session is forgotten.
        sweep: seconds between clearings.
        capacity: sessions remembered; the one that was not used for longest goes first.
    """

    def __init__(
        self, ttl: float = 300.0, sweep: float = 10.0, capacity: int = MAX_SESSIONS
    ) -> None:
        self._ttl = ttl
        self._sweep = sweep
        self._capacity = capacity
        # In order of use, the longest unused first.
        self._bindings: dict[int, _Binding] = {}
        self._by_slot: dict[int, set[int]] = {}
        self._swept_at = 0.0

    def __len__(self) -> int:
        return len(self._bindings)

    def endpoint_of(self, session: str, now: float) -> Endpoint | None:
        """Return where the session belongs; None when that is unknown or too long ago."""
        binding = self._bindings.get(hash(session))
        if binding is None or now - binding.used_at > self._ttl:
            return None
        return binding.endpoint

    def count(self, slot: int) -> int:
        """Return how many sessions belong to the endpoint."""
        return len(self._by_slot.get(slot, ()))

    def bind(self, session: str, endpoint: Endpoint, now: float) -> None:
        """Note that the session went there now."""
        key = hash(session)
        self._drop(key)
        self._bindings[key] = _Binding(endpoint, now)
        self._by_slot.setdefault(endpoint.slot, set()).add(key)
        if len(self._bindings) > self._capacity:
            self._drop(next(iter(self._bindings)))
        if now - self._swept_at >= self._sweep:
            self._swept_at = now
            self._clear(now - self._ttl)

    def forget(self, slot: int) -> None:
        """Forget the sessions of an endpoint."""
        for key in self._by_slot.pop(slot, ()):
            del self._bindings[key]

    def take_over(self, other: "SessionTable") -> None:
        """Remember what the other one did, by this one's own limits."""
        self._bindings, self._by_slot = other._bindings, other._by_slot  # noqa: SLF001 - one of us
        while len(self._bindings) > self._capacity:
            self._drop(next(iter(self._bindings)))

    def _clear(self, oldest: float) -> None:
        while self._bindings:
            key = next(iter(self._bindings))
            if self._bindings[key].used_at >= oldest:
                return
            self._drop(key)

    def _drop(self, key: int) -> None:
        binding = self._bindings.pop(key, None)
        if binding is not None:
            slot = binding.endpoint.slot
            keys = self._by_slot[slot]
            keys.discard(key)
            if not keys:
                del self._by_slot[slot]


@dataclass(slots=True)
class IdentityAffinity:
    """The client names its session, and a table says where that belongs.

    Attributes:
        identity: how sessions are named.
        profile: whose choice is remembered; the primary one's if empty.
        table: what is remembered.
    """

    identity: SessionIdentity
    profile: str
    table: SessionTable = field(init=False)

    def __post_init__(self) -> None:
        identity = self.identity
        self.table = SessionTable(identity.eviction_ttl_seconds, identity.eviction_sweep_seconds)

    def session(self, request: Request) -> str:
        """Return the name of the session; empty when the request is in none."""
        for source in self.identity.sources:
            if name := source.read(request):
                return name
        return ""

    def preferred(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the candidate to which the session belongs; none when it belongs to none."""
        name = self.session(request)
        endpoint = self.table.endpoint_of(name, request.received_at) if name else None
        if endpoint is None:
            return ()
        return [c for c in candidates if c.endpoint is endpoint]

    def dispatched(self, request: Request, decision: Decision) -> None:
        """Remember where the session went."""
        name = self.session(request)
        endpoint = _chosen(decision, self.profile, "") if name else None
        if endpoint is not None:
            self.table.bind(name, endpoint, request.received_at)


def _chosen(decision: Decision | None, profile: str, served: str) -> Endpoint | None:
    """Return the endpoint of a profile; of the primary one, the endpoint that really served."""
    if decision is not None and profile:
        decision = decision.others.get(profile)
        served = ""
    if decision is None:
        return None
    for endpoint in decision.endpoints:
        if endpoint.host_port == served:
            return endpoint
    return decision.primary
