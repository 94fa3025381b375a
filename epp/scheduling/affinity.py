"""What the session affinity plugins have in common: their parameters, and what they observe."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from epp.api.endpoint import Candidate, Endpoint
from epp.api.parameters import Param
from epp.api.plugin import ResponseHead
from epp.api.request import Decision, Request
from epp.scheduling.sessions import (
    EncodedEndpointHeader,
    IdentityAffinity,
    SessionIdentity,
    TokenAffinity,
    check_identity,
)


@dataclass(frozen=True, slots=True, eq=False)
class SessionAffinity:
    """Knows which endpoint a session belongs to."""

    strategy: Annotated[
        Literal["encoded_endpoint_header", "session_id"],
        Param("Whether the client carries a token, or names its session."),
    ] = "encoded_endpoint_header"
    encoded_endpoint_header_config: Annotated[
        EncodedEndpointHeader | None, Param("The header that carries the token.")
    ] = None
    session_id_config: Annotated[
        SessionIdentity | None, Param("How sessions are named and remembered.")
    ] = None
    profile_name: Annotated[
        str, Param("Profile whose choice counts; the primary one by default.")
    ] = ""

    needs_response: ClassVar[str] = "headers"
    response_role: ClassVar[str] = "function"

    _affinity: TokenAffinity | IdentityAffinity = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_identity(self.session_id_config)
        affinity: TokenAffinity | IdentityAffinity
        if self.strategy == "session_id":
            identity = self.session_id_config or SessionIdentity()
            affinity = IdentityAffinity(identity, self.profile_name)
        else:
            header = self.encoded_endpoint_header_config or EncodedEndpointHeader()
            affinity = TokenAffinity(header.header, self.profile_name)
        object.__setattr__(self, "_affinity", affinity)

    def preferred(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the candidate to which the request's session belongs, if there is one."""
        return self._affinity.preferred(request, candidates)

    def fewest_sessions(
        self, request: Request, candidates: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """Return where a new session should begin; nobody if the request names no session."""
        affinity = self._affinity
        if isinstance(affinity, TokenAffinity) or not affinity.session(request) or not candidates:
            return ()
        counts = [affinity.table.count(c.endpoint.slot) for c in candidates]
        fewest = min(counts)
        return [c for c, count in zip(candidates, counts, strict=True) if count == fewest]

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Remember where the session went."""
        del candidates
        if isinstance(self._affinity, IdentityAffinity):
            self._affinity.dispatched(request, decision)

    def responded(
        self, request: Request | None, decision: Decision | None, response: ResponseHead
    ) -> Sequence[tuple[str, str]]:
        """Return the header with the session's token."""
        del request
        if isinstance(self._affinity, TokenAffinity):
            return self._affinity.stamp(decision, response)
        return ()

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget the sessions of the endpoint."""
        if isinstance(self._affinity, IdentityAffinity):
            self._affinity.table.forget(endpoint.slot)

    def inherit(self, predecessor: object) -> None:
        """Take over the sessions of an instance that was configured alike."""
        if not isinstance(predecessor, SessionAffinity):
            return
        mine, theirs = self._affinity, predecessor._affinity  # noqa: SLF001 - one of our own kind
        if isinstance(mine, IdentityAffinity) and isinstance(theirs, IdentityAffinity):
            mine.table.take_over(theirs.table)
