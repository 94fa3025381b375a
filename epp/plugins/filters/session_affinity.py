"""session-affinity-filter: a session stays where it is.

What:
    Sends every request of a session to the endpoint that served the session before.

Formula:
    That endpoint alone, if it is a candidate; all of them if it is none, or the request is in no
    known session.

Reads:
    Strategy encoded_endpoint_header: a request header with a token, the base64 of the endpoint's
    namespace/name, which this plugin sets in every response. Strategy session_id: a name that the
    client gives to its session, in a header or found by a producer; which endpoint it went to is
    remembered here, for 100,000 sessions.

Parameters:
    strategy: encoded_endpoint_header or session_id.
    encodedEndpointHeaderConfig: for the former, the header.
    sessionIdConfig: for the latter, where the name of a session stands and how long it is known.
    profileName: whose choice of an endpoint counts, for example prefill; by default the one that
        serves.

When to use:
    When a server keeps state that another one cannot rebuild. If it could, session-affinity-scorer
    leaves room for load. The type multicluster-session-affinity-filter does the same for endpoints
    that are whole clusters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.affinity import SessionAffinity


@plugin("multicluster-session-affinity-filter", Family.FILTER, is_alpha=True)
@plugin("session-affinity-filter", Family.FILTER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class SessionAffinityFilter(SessionAffinity):
    """Keeps the endpoint of the session."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the session's endpoint, or everybody."""
        return self.preferred(request, candidates) or candidates
