"""agent-identity: which agent session a request comes from.

What:
    Takes the session of a coding agent for the flow that a request belongs to, so that flow control
    is fair between sessions, and for its session, so that those who keep sessions together find it.

Formula:
    The value of the first header that is there: additionalSessionHeaders, then
    x-claude-code-session-id (Claude Code), x-session-affinity (OpenCode), session-id and session_id
    (Codex). A fairness id that the request brings wins. Nothing without any of them.

Reads:
    These headers of the request.

Parameters:
    additionalSessionHeaders: headers to look at first, in order.

When to use:
    With flow control and program-aware-fairness, for agents that send no fairness id. Or name it as
    a source of session-affinity-filter or session-affinity-scorer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from epp.api.data import SessionId, publish
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.registry import Family, plugin
from epp.api.request import DEFAULT_FAIRNESS_ID, Request

_OF_AGENTS = ("x-claude-code-session-id", "x-session-affinity", "session-id", "session_id")


@plugin("agent-identity", Family.PRODUCER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class AgentIdentity:
    """Finds the agent session of a request."""

    additional_session_headers: Annotated[
        tuple[str, ...], Param("Headers to look at first, in order.")
    ] = ()

    produces: ClassVar[frozenset[type]] = frozenset({SessionId})
    consumes: ClassVar[frozenset[type]] = frozenset()
    headers: tuple[str, ...] = field(init=False, repr=False)
    name: str = field(init=False, repr=False, default="agent-identity")

    def __post_init__(self) -> None:
        first = (header.lower() for header in self.additional_session_headers)
        object.__setattr__(self, "headers", (*first, *_OF_AGENTS))

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Learn the name under which to publish."""
        del instances
        object.__setattr__(self, "name", name)
        return ""

    def pre_admit(self, request: Request) -> None:
        """Let the session be the flow of a request that names none."""
        if request.fairness_id == DEFAULT_FAIRNESS_ID and (session := self._session(request)):
            request.fairness_id = session

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Publish the session, if the request has one."""
        del candidates
        if session := self._session(request):
            publish(request, self.name, SessionId(session))

    def _session(self, request: Request) -> str:
        given = request.headers
        return next((given[name] for name in self.headers if given.get(name)), "")
