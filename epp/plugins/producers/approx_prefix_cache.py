"""approx-prefix-cache-producer: how much of a prompt each endpoint was sent before.

What:
    Keeps an index of the prompts that this EPP has sent to each endpoint, and publishes how many
    leading blocks of a prompt each one should have cached. Nobody is asked: it is approximate.

Formula:
    Leading blocks that were sent there before, for each prompt of the request, summed. If a
    token-producer has published the prompt's tokens, blocks are hashed over these and a partial
    last block counts, as in llm-d; otherwise over the prompt's bytes, as in GAIE 1.5.

Reads:
    Prompt, tokens, target model and cache salt of the request; KV-cache block size and number of
    blocks, as scraped, if autoTune is on; how requests ended, as prefix-cache-scorer does, whose
    improvements over GAIE's counts and whose strictCompatibility it shares.

Parameters:
    autoTune: use the block size and capacity that the model servers report, where they do.
    blockSize: bytes in a block, as in GAIE 1.3; only if blockSizeTokens is not given.
    blockSizeTokens: tokens in a block, 4 bytes of prompt each; 0 stands for 16.
    maxPrefixBlocksToMatch: blocks of a prompt that are looked at; 0 stands for 256, over tokens
    for 2048.
    maxPrefixTokensToMatch: the same limit in tokens, which goes first; 0 leaves it to the blocks;
    by default 131072 over tokens.
    lruCapacityPerServer: blocks remembered for each endpoint; 0 stands for 31250.
    strictCompatibility: count exactly as GAIE does.

When to use:
    When something beside prefix-cache-scorer needs prefix matches: an affinity filter, a decider of
    disaggregation, a latency predictor; or when several scorers read differently tuned indexes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar, Protocol, runtime_checkable

from epp.api.data import PrefixMatch, Tokens
from epp.api.endpoint import Candidate, Endpoint
from epp.api.plugin import Instance, Outcome, Producer
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request
from epp.scheduling.prefix_history import BYTES_PER_TOKEN, Limits, PrefixHistory
from epp.scheduling.prefix_parameters import PrefixParameters, nothing

_MAX_TOKEN_BLOCKS = 2048
_MAX_TOKENS = 131072
_MIN_TOKENS_IN_A_BLOCK = 64


@runtime_checkable
class MatchReader(Protocol):
    """A scorer that reads a producer's matches, and was told itself how to cut prompts.

    Attributes:
        prefix_match_info_producer_name: whose matches; empty for any.
        limits: how to cut.
    """

    prefix_match_info_producer_name: str

    @property
    def limits(self) -> Limits:
        """How to cut."""
        ...


@dataclass(slots=True)
class Notes:
    """What belongs to the instance and not to its parameters.

    Attributes:
        history: what the endpoints were sent.
        name: of the instance.
        adopted: how a scorer says that prompts are cut.
        over_tokens: another plugin finds tokens.
        note: called with the bytes of the matched blocks and of all blocks of a dispatched prompt.
    """

    history: PrefixHistory
    name: str = ""
    adopted: Limits | None = None
    over_tokens: bool = False
    note: Callable[[int, int], None] = nothing


@plugin("approx-prefix-cache-producer", Family.PRODUCER)
@dataclass(frozen=True, slots=True, eq=False)
class ApproxPrefixCacheProducer(PrefixParameters):
    """Publishes what was sent where."""

    produces: ClassVar[frozenset[type]] = frozenset({PrefixMatch})
    consumes: ClassVar[frozenset[type]] = frozenset({Tokens})
    memory: Notes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory", Notes(PrefixHistory(self.as_limits())))
        self._begin()

    @property
    def history(self) -> PrefixHistory:
        """What the endpoints were sent."""
        return self.memory.history

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Hash tokens if another plugin finds them; cut prompts as those say who read matches."""
        memory, plugins = self.memory, [instance.plugin for instance in instances.values()]
        memory.name = name
        memory.over_tokens = any(
            isinstance(plugin, Producer) and Tokens in plugin.produces for plugin in plugins
        )
        memory.adopted = None
        if all(getattr(self, item.name) == item.default for item in fields(self) if item.init):
            memory.adopted = next(
                (
                    plugin.limits
                    for plugin in plugins
                    if isinstance(plugin, MatchReader)
                    and plugin.prefix_match_info_producer_name in ("", name)
                    and plugin.limits != Limits()
                ),
                None,
            )
        self._begin()
        return ""

    def inherit(self, predecessor: object) -> None:
        """Keep what is known of the endpoints when the configuration changes."""
        if isinstance(predecessor, ApproxPrefixCacheProducer):
            self.history.inherit(predecessor.history)

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Publish what the prompt matches."""
        self.history.find(request, candidates)

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Note who is sent this prompt."""
        matched, total, _, block_bytes, _ = self.history.dispatched(request, decision, candidates)
        self.memory.note(matched.get(decision.primary.slot, 0) * block_bytes, total * block_bytes)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Take back what was not so."""
        self.history.completed(request, decision, outcome)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what the endpoint was sent."""
        self.history.endpoint_gone(endpoint)

    def state(self) -> Mapping[str, object]:
        """Show the size of the index."""
        return self.history.state()

    def _begin(self) -> None:
        memory = self.memory
        limits = self.as_limits()
        if memory.over_tokens:
            limits = limits._replace(
                max_blocks=self.max_prefix_blocks_to_match or _MAX_TOKEN_BLOCKS,
                min_block_bytes=_MIN_TOKENS_IN_A_BLOCK * BYTES_PER_TOKEN,
                reads_tokens=True,
            )
            if self.max_prefix_tokens_to_match is None:
                limits = limits._replace(max_tokens=_MAX_TOKENS)
        if memory.adopted is not None:
            limits = memory.adopted._replace(
                min_block_bytes=limits.min_block_bytes, reads_tokens=limits.reads_tokens
            )
        if limits != memory.history.limits:
            memory.history = PrefixHistory(limits)
        memory.history.publish_as(memory.name)
