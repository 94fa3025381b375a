"""prefix-cache-scorer: go where the prompt's beginning was seen.

What:
    Prefers endpoints that were sent a prompt with the same beginning, since their KV cache probably
    still holds it: approximately, from this EPP's own history, without asking the model servers.

Formula:
    leading blocks of the prompt that were sent there before / blocks of the prompt; 0 for a prompt
    shorter than one block.

Reads:
    Prompt, target model and cache salt of the request; KV-cache block size and number of blocks, as
    scraped, if autoTune is on. The figures do not age: a candidate that is not fresh is scored like
    any other.

Parameters:
    autoTune: use the block size and capacity that the model servers report, where they do.
    blockSizeTokens: tokens in a block; a token is taken as 4 bytes of prompt.
    maxPrefixBlocksToMatch: blocks of a prompt that are looked at.
    maxPrefixTokensToMatch: the same limit in tokens; 0 leaves it to maxPrefixBlocksToMatch.
    lruCapacityPerServer: blocks remembered for each endpoint.

When to use:
    When prompts share beginnings: system prompts, few-shot examples, conversations, agents. Weigh
    it above the load scorers if prompts are long, and keep queue-scorer beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from epp.api.endpoint import Candidate, Endpoint
from epp.api.parameters import Param
from epp.api.registry import scorer
from epp.api.request import Decision, Request
from epp.scheduling.prefix_index import PrefixIndex, chain

BYTES_PER_TOKEN = 4


Lookup = tuple[int, Sequence[int], Mapping[int, int]]
"""What one request's prompt matches: bytes in a block, the hashes of its blocks, and by endpoint
slot how many leading blocks were sent there before."""


def _ignore(matched_bytes: int, total_bytes: int) -> None:
    del matched_bytes, total_bytes


@dataclass(slots=True)
class Hits:
    """Who wants to know how much of each dispatched prompt its endpoint should have cached.

    Attributes:
        note: called with the bytes of the matched blocks, and the bytes of all blocks of the prompt
            that were looked at; 0 when it had none.
    """

    note: Callable[[int, int], None] = _ignore


@scorer("prefix-cache-scorer")
@dataclass(frozen=True, slots=True, eq=False)
class PrefixCacheScorer:
    """Scores by the share of the prompt's blocks sent there before."""

    auto_tune: Annotated[
        bool, Param("Use the block size and capacity that the model servers report.")
    ] = True
    block_size_tokens: Annotated[
        int, Param("Tokens in a block where none is reported; 4 bytes each.", minimum=1)
    ] = 16
    max_prefix_blocks_to_match: Annotated[
        int, Param("Blocks of a prompt that are looked at.", minimum=1)
    ] = 256
    max_prefix_tokens_to_match: Annotated[
        int, Param("The same limit in tokens; 0 leaves it to the blocks.", minimum=0)
    ] = 0
    lru_capacity_per_server: Annotated[
        int, Param("Blocks remembered per endpoint where none are reported.", minimum=1)
    ] = 31250

    refused: ClassVar[Mapping[str, str]] = {
        "blockSize": "it counted characters; use blockSizeTokens (a token is 4 characters)",
    }

    index: PrefixIndex = field(init=False, repr=False, default_factory=PrefixIndex)
    hits: Hits = field(init=False, repr=False, default_factory=Hits)

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return the share of the prompt's blocks that each candidate was sent before."""
        _, hashes, matched = self._look_up(request, candidates)
        if not matched:
            return [0.0] * len(candidates)
        total = len(hashes)
        return [matched.get(c.endpoint.slot, 0) / total for c in candidates]

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Note that the primary endpoint is sent this prompt."""
        block_bytes, hashes, matched = self._look_up(request, candidates)
        primary = decision.primary
        slot = primary.slot
        self.hits.note(matched.get(slot, 0) * block_bytes, len(hashes) * block_bytes)
        if hashes:
            self.index.add(slot, hashes, self._capacity(primary, candidates))

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what the endpoint was sent."""
        self.index.forget(endpoint.slot)

    def _look_up(self, request: Request, candidates: Sequence[Candidate]) -> Lookup:
        known: Lookup | None = request.scratch.get(self)
        if known is not None:
            return known
        tokens = self.block_size_tokens
        if self.auto_tune:
            # The smallest one reported, which does not depend on the order of the candidates.
            sizes = {c.metrics.block_size for c in candidates}
            sizes.discard(0)
            if sizes:
                tokens = min(sizes)
        block_bytes = tokens * BYTES_PER_TOKEN
        limit = self.max_prefix_tokens_to_match * BYTES_PER_TOKEN
        if not limit:
            limit = self.max_prefix_blocks_to_match * block_bytes
        seed = (request.target_model + request.cache_salt).encode("utf-8", "surrogatepass")
        hashes = chain(request.prompt.head(limit), seed, block_bytes)
        found = request.scratch[self] = (block_bytes, hashes, self.index.match(hashes))
        return found

    def _capacity(self, endpoint: Endpoint, candidates: Sequence[Candidate]) -> int:
        if self.auto_tune:
            for candidate in candidates:
                if candidate.endpoint is endpoint:
                    return candidate.metrics.num_blocks or self.lru_capacity_per_server
        return self.lru_capacity_per_server
