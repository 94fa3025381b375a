"""p2p-source-producer: tell the server who could hand it the beginning of the prompt.

What:
    Names, in the header x-kv-cache-source-host-port, the endpoint that holds most of the prompt, so
    that the sidecar of the one that computes it can fetch these blocks instead.

Formula:
    Of the endpoints that hold most, one is drawn with weight 1 / (1 + requests waiting). It is
    named if it holds minCachedTokenDelta tokens more than the endpoint that computes the prompt:
    the first choice of the prefill profile, or else the primary endpoint.

Reads:
    Prefix match of a producer; requests waiting, corrected by this EPP's own dispatches.

Parameters:
    prefixMatchInfoProducerName: whose prefix match to read; by default any producer's.
    minCachedTokenDelta: tokens that the source must hold beyond what the computing one holds.
    prefillProfileName: the profile whose endpoint computes the prompt.

When to use:
    With vLLM's offloading connector and a peer-to-peer tier, all with the same block size and
    PYTHONHASHSEED. A header of this name from outside is removed in any case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from epp.api.data import PrefixMatch, find
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request
from epp.scheduling.chance import chance

HEADER = "x-kv-cache-source-host-port"
_SALT = 3


@plugin("p2p-source-producer", Family.PRODUCER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class P2pSourceProducer:
    """Names who holds most of the prompt."""

    prefix_match_info_producer_name: Annotated[
        str, Param("Producer whose prefix match is read; by default any.")
    ] = ""
    min_cached_token_delta: Annotated[
        int, Param("Tokens that the source must hold beyond the other.", minimum=1)
    ] = 1
    prefill_profile_name: Annotated[
        str, Param("Profile whose endpoint computes the prompt.", minimum=1)
    ] = "prefill"

    produces: ClassVar[frozenset[type]] = frozenset()
    consumes: ClassVar[frozenset[type]] = frozenset({PrefixMatch})

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Remember who could be the source."""
        match = find(request, PrefixMatch, self.prefix_match_info_producer_name)
        most = max(match.blocks.values(), default=0) if match is not None else 0
        if match is None or not most:
            return
        holders = [c for c in candidates if match.blocks.get(c.endpoint.slot, 0) == most]
        if holders:
            request.scratch[self] = (_drawn(request, holders), most * match.block_tokens, match)

    def amend(self, request: Request, decision: Decision) -> Decision:
        """Return the decision with the header of the source, or without any such header."""
        found: tuple[Candidate, float, PrefixMatch] | None = request.scratch.get(self)
        cleared = decision._replace(removed_headers=(*decision.removed_headers, HEADER))
        if found is None:
            return cleared
        source, tokens, match = found
        prefill = decision.others.get(self.prefill_profile_name) if decision.others else None
        computing = (prefill or decision).primary
        held = match.blocks.get(computing.slot, 0) * match.block_tokens
        if source.endpoint is computing or tokens - held < self.min_cached_token_delta:
            return cleared
        return decision._replace(headers=(*decision.headers, (HEADER, source.endpoint.host_port)))


def _drawn(request: Request, holders: Sequence[Candidate]) -> Candidate:
    weights = [1 / (1 + candidate.waiting) for candidate in holders]
    left = chance(request, _SALT) * sum(weights)
    for candidate, weight in zip(holders, weights, strict=True):
        left -= weight
        if left < 0:
            return candidate
    return holders[-1]
