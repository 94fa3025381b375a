"""prefix-based-pd-decider: prefill elsewhere if much of the prompt is not cached yet.

What:
    Says yes to a prefill stage if computing the rest of the prompt on the decode endpoint is long
    enough work to be worth the transfer of its KV cache.

Formula:
    T tokens of the prompt, C of them cached on the decode endpoint: yes if T >= promptTokens and
    T - C >= nonCachedTokens. Where the tokens are not known, T is a fourth of the prompt's bytes.
    No if nothing is known of the cache.

Reads:
    Tokens and prefix match of producers; the prompt's length.

Parameters:
    nonCachedTokens: tokens to compute from which on prefill goes elsewhere; 0 never does.
    promptTokens: tokens below which a prompt is never split.
    prefixMatchInfoProducerName: producer of the prefix match; the first one if empty.

When to use:
    As the prefill decider of disagg-profile-handler.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from epp.api.data import PrefixMatch, Tokens, find
from epp.api.endpoint import Endpoint
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request

BYTES_PER_TOKEN = 4


@plugin("prefix-based-pd-decider", Family.DECIDER)
@dataclass(frozen=True, slots=True)
class PrefixBasedPdDecider:
    """Decides by the tokens that are not cached."""

    non_cached_tokens: Annotated[
        int, Param("Tokens to compute that are worth a prefill elsewhere; 0 never is.", minimum=0)
    ] = 0
    prompt_tokens: Annotated[
        int, Param("Tokens below which a prompt is never split.", minimum=0)
    ] = 0
    prefix_match_info_producer_name: Annotated[
        str, Param("Producer of the prefix match; the first one if empty.")
    ] = ""

    consumes: ClassVar[frozenset[type]] = frozenset({PrefixMatch})

    def disaggregates(self, request: Request, endpoint: Endpoint | None) -> bool:
        """Tell whether enough of the prompt is not cached at the endpoint."""
        if not self.non_cached_tokens or endpoint is None:
            return False
        match = find(request, PrefixMatch, self.prefix_match_info_producer_name)
        if match is None:
            return False
        cached = int(match.blocks.get(endpoint.slot, 0) * match.block_tokens)
        return _is_at_least(request, max(self.prompt_tokens, self.non_cached_tokens + cached))


def _is_at_least(request: Request, tokens: int) -> bool:
    """Tell whether the prompt has this many tokens, without reading more of it than needed."""
    known = find(request, Tokens)
    if known is not None:
        return known.total >= tokens
    limit = tokens * BYTES_PER_TOKEN
    return len(request.prompt.head(limit)) >= limit
