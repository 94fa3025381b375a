"""agent-identity: which agent a request comes from.

What:
    Takes the agent that sends a request for its session: what one agent asks has much in common,
    and is kept together by those who keep sessions together.

Formula:
    The value of the header or cookie; nothing when it is missing or empty.

Reads:
    One header of the request.

Parameters:
    headerName: the header; x-agent-id if no cookie is named either.
    cookieName: a cookie instead.

When to use:
    Where agents name themselves. Name it as a source of session-affinity-filter or
    session-affinity-scorer.
"""

from dataclasses import dataclass
from typing import ClassVar

from epp.api.registry import Family, plugin
from epp.plugins.producers.session_id import SessionIdProducer


@plugin("agent-identity", Family.PRODUCER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class AgentIdentity(SessionIdProducer):
    """Finds the agent of a request."""

    default_header: ClassVar[str] = "x-agent-id"
