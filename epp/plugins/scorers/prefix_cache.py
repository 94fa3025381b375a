"""prefix-cache-scorer: go where the prompt's beginning was seen.

What:
    Prefers endpoints whose KV cache probably still holds the beginning of the prompt. If the
    configuration has a producer of prefix matches (approx-prefix-cache-producer,
    precise-prefix-cache-producer, burst-prefix-cache-producer), that one is believed; what is given
    here and not there holds for approx-prefix-cache-producer too, as in GAIE 1.5. Otherwise the
    scorer keeps an index of its own, of what this EPP has sent where: approximate, without asking
    the model servers.

Formula:
    ratio = leading blocks of the prompt that are there / blocks of the prompt; 0 for a prompt
    shorter than one block. With w = matchLengthWeight and L = min(1, matching tokens /
    matchLengthScaleTokens) squared: (1 - w) * ratio + w * L.

Reads:
    A producer's prefix match; or prompt, target model and cache salt of the request, KV-cache block
    size and number of blocks, as scraped, if autoTune is on, and how the request ended: blocks that
    a request added are taken back if it was answered 5xx, and moved if another endpoint served it,
    as far as that is seen. The figures do not age: a candidate that is not fresh is scored like any
    other. Blocks are hashed as GAIE 1.3 to 1.5 do it, so that the counts of both programs agree,
    but for these improvements, which strictCompatibility switches off: a count ends at the first
    block that an endpoint does not hold; the end of a prompt is forgotten before its start;
    capacities follow what is reported; the smallest reported block size counts and not the one of
    the first candidate; the corrections named above.

Parameters:
    autoTune: use the block size and capacity that the model servers report, where they do.
    blockSize: bytes in a block, as in GAIE 1.3; only if blockSizeTokens is not given.
    blockSizeTokens: tokens in a block, 4 bytes of prompt each; 0 stands for 16.
    maxPrefixBlocksToMatch: blocks of a prompt that are looked at; 0 stands for 256.
    maxPrefixTokensToMatch: the same limit in tokens; 0 leaves it to maxPrefixBlocksToMatch.
    lruCapacityPerServer: blocks remembered for each endpoint; 0 stands for 31250.
    strictCompatibility: count exactly as GAIE does.
    prefixMatchInfoProducerName: whose prefix match to read; by default any producer's.
    matchLengthWeight: how much of the score the length of the match is worth, besides its share.
    matchLengthScaleTokens: tokens of a match that is as long as it matters.

When to use:
    When prompts share beginnings: system prompts, few-shot examples, conversations, agents. Weigh
    it above the load scorers if prompts are long, and keep queue-scorer beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from epp.api.data import PrefixMatch, find
from epp.api.endpoint import Candidate, Endpoint, Snapshot
from epp.api.parameters import Param
from epp.api.plugin import Instance, Outcome, Producer, SparseScores
from epp.api.registry import scorer
from epp.api.request import Decision, Request
from epp.scheduling.prefix_history import Found, Limits, PrefixHistory
from epp.scheduling.prefix_index import PrefixIndex
from epp.scheduling.prefix_parameters import MOST_BLOCKS, MOST_TOKENS, PrefixParameters, nothing

_MANY = 24
"""From here on it pays to name only the candidates that have a score."""


@dataclass(slots=True)
class Hits:
    """Who wants to know how much of each dispatched prompt its endpoint should have cached.

    Attributes:
        note: called with the bytes of the matched blocks, and the bytes of all blocks of the prompt
            that were looked at; 0 when it had none.
        is_read: a producer's matches are scored; nothing is noted, as that is the producer's part.
    """

    note: Callable[[int, int], None] = nothing
    is_read: bool = False


@scorer("prefix-cache-scorer")
@dataclass(frozen=True, slots=True, eq=False)
class PrefixCacheScorer(PrefixParameters):
    """Scores by the share of the prompt's blocks that are there."""

    max_prefix_blocks_to_match: Annotated[int, MOST_BLOCKS] = 256
    max_prefix_tokens_to_match: Annotated[int, MOST_TOKENS] = 0
    prefix_match_info_producer_name: Annotated[
        str, Param("Producer whose prefix match is scored; by default any.")
    ] = ""
    match_length_weight: Annotated[
        float, Param("Share of the score that the match's length makes.", minimum=0, maximum=1)
    ] = 0.0
    match_length_scale_tokens: Annotated[
        int, Param("Tokens of a match that is as long as it matters.", minimum=1)
    ] = 8192

    history: PrefixHistory = field(init=False, repr=False)
    hits: Hits = field(init=False, repr=False, default_factory=Hits)

    def __post_init__(self) -> None:
        object.__setattr__(self, "history", PrefixHistory(self.as_limits()))

    @property
    def index(self) -> PrefixIndex:
        """The scorer's own index."""
        return self.history.index

    @property
    def limits(self) -> Limits:
        """How prompts are cut, for a producer that was not told itself."""
        return self.history.limits

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Find out whose matches to score."""
        del name
        wanted = self.prefix_match_info_producer_name
        producers = [
            other
            for other, instance in instances.items()
            if isinstance(instance.plugin, Producer) and PrefixMatch in instance.plugin.produces
        ]
        self.hits.is_read = bool(producers)
        if wanted and wanted not in producers:
            known = ", ".join(producers) or "none"
            return f"no producer of prefix matches is named {wanted!r} (there are: {known})"
        return ""

    def inherit(self, predecessor: object) -> None:
        """Keep what is known of the endpoints when the configuration changes."""
        if isinstance(predecessor, PrefixCacheScorer):
            self.history.inherit(predecessor.history)

    def score(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return how much of the prompt each candidate should have cached."""
        found: PrefixMatch | Found | None
        if self.hits.is_read:
            found = find(request, PrefixMatch, self.prefix_match_info_producer_name)
        else:
            found = self.history.find(request, candidates)
        if found is None or not found[0] or not found[1]:
            return [0.0] * len(candidates)
        matched, total = found[0], found[1]
        weight = self.match_length_weight
        if weight:
            scale = self.match_length_scale_tokens / found[2]
            matched = {
                slot: (1 - weight) * count + weight * total * min(1.0, count / scale) ** 2
                for slot, count in matched.items()
            }
        if len(candidates) > _MANY and isinstance(candidates, Snapshot):
            positions = candidates.positions
            return SparseScores(
                len(candidates),
                {
                    positions[slot]: count / total
                    for slot, count in matched.items()
                    if slot in positions
                },
            )
        return [matched.get(c.endpoint.slot, 0) / total for c in candidates]

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Note that the primary endpoint is sent this prompt."""
        if self.hits.is_read:
            return
        matched, total, _, block_bytes, _ = self.history.dispatched(request, decision, candidates)
        self.hits.note(matched.get(decision.primary.slot, 0) * block_bytes, total * block_bytes)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Take back what was not so."""
        if outcome.status >= 500 or outcome.served:
            self.history.completed(request, decision, outcome)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what the endpoint was sent."""
        self.history.endpoint_gone(endpoint)

    def state(self) -> Mapping[str, object]:
        """Show the size of the scorer's own index."""
        return self.history.state()
