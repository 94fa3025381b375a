"""token-load-scorer: the fewest tokens in flight win.

What:
    Prefers endpoints whose requests in flight have few tokens altogether: one long prompt may be
    more work than ten short ones.

Formula:
    1 - tokens / queueThresholdTokens, and at least 0.

Reads:
    Tokens in flight, as inflight-load-producer counts them; without one, all score 1.

Parameters:
    queueThresholdTokens: tokens in flight that score 0.
    inFlightLoadProducerName: which producer's count to use; the first one by default.

When to use:
    When prompts differ much in length. Add inflight-load-producer too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import scorer
from epp.api.request import Request
from epp.scheduling.figures import tokens_in_flight


@scorer("token-load-scorer")
@dataclass(frozen=True, slots=True)
class TokenLoadScorer:
    """Scores by tokens in flight."""

    queue_threshold_tokens: Annotated[int, Param("Tokens in flight that score 0.", minimum=1)] = (
        4_194_304
    )
    in_flight_load_producer_name: Annotated[
        str, Param("Producer of the count; the first one by default.")
    ] = ""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return the share of the threshold that is left at each."""
        most = self.queue_threshold_tokens
        counts = tokens_in_flight(request, candidates, self.in_flight_load_producer_name)
        return [1.0 - min(max(tokens, 0), most) / most for tokens in counts]
