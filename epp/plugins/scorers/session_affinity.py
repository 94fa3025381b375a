"""session-affinity-scorer: a session goes back where it was.

What:
    Prefers the endpoint that served the session before.

Formula:
    1 for that endpoint, 0 for the others. With strategy session_id, a session that is new, or whose
    endpoint is no candidate, scores 1 where the fewest sessions are. All score 0 for a request in
    no session.

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
    When servers keep something of a session that is costly to rebuild, and load matters too. For a
    strict rule there is session-affinity-filter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.affinity import SessionAffinity


@plugin("session-affinity-scorer", Family.SCORER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class SessionAffinityScorer(SessionAffinity):
    """Scores by where the session was."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for the session's endpoint, or for those where it should begin."""
        known = self.preferred(request, candidates) or self.fewest_sessions(request, candidates)
        if not known:
            return [0.0] * len(candidates)
        chosen = {candidate.endpoint.slot for candidate in known}
        return [1.0 if c.endpoint.slot in chosen else 0.0 for c in candidates]
