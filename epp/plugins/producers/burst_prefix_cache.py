"""burst-prefix-cache-producer: keep equal prompts that come together on one endpoint.

What:
    Holds requests back for a moment and places those of one window jointly, so that a prompt that
    comes many times at once, as in a step of reinforcement learning, is computed once.

Formula:
    Requests with equal prompts form a unit; with minColocateBlocks, single requests whose prompts
    begin alike do too. Units go to one endpoint each, the least loaded one of the window, or where
    a unit that begins alike is while that has no more than its share; maxPerReplica of a unit at
    most. A full match is published for that endpoint, and none for a request that is in no unit.

Reads:
    Prompt, target model and cache salt of the requests of a window.

Parameters:
    windowDurationMs: length of a window in milliseconds; every request waits for its end.
    maxPerReplica: requests of a unit on one endpoint; -1 for all.
    blockSizeTokens: tokens in a block, 4 bytes of prompt each.
    maxPrefixTokensToMatch: tokens of a prompt that are looked at; 0 stands for 256 blocks.
    minColocateBlocks: leading blocks that make prompts alike; 0 goes by equal prompts only.

When to use:
    For batches of equal prompts only, since every request waits. Name it in
    prefixMatchInfoProducerName of a prefix-cache-scorer.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from epp.api.data import PrefixMatch, publish
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.kvcache.burst import Bursts


@dataclass(slots=True)
class Window:
    """What belongs to the instance.

    Attributes:
        bursts: the requests that wait.
        name: of the instance.
    """

    bursts: Bursts
    name: str = ""


@plugin("burst-prefix-cache-producer", Family.PRODUCER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class BurstPrefixCacheProducer:
    """Publishes where requests that came together belong."""

    window_duration_ms: Annotated[
        int, Param("Length of a window in milliseconds.", minimum=1, maximum=350)
    ] = 100
    max_per_replica: Annotated[
        int, Param("Requests of a unit on one endpoint; -1 for all.", minimum=-1)
    ] = -1
    block_size_tokens: Annotated[int, Param("Tokens in a block, 4 bytes each.", minimum=1)] = 64
    max_prefix_tokens_to_match: Annotated[
        int, Param("Tokens of a prompt that are looked at; 0 stands for 256 blocks.", minimum=0)
    ] = 0
    min_colocate_blocks: Annotated[
        int, Param("Leading blocks that make prompts alike; 0 for equal ones only.", minimum=0)
    ] = 0

    produces: ClassVar[frozenset[type]] = frozenset({PrefixMatch})
    consumes: ClassVar[frozenset[type]] = frozenset()
    window: Window = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bursts = Bursts(
            self.window_duration_ms / 1000,
            self.max_per_replica,
            self.block_size_tokens,
            self.max_prefix_tokens_to_match,
            self.min_colocate_blocks,
        )
        object.__setattr__(self, "window", Window(bursts))

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Publish under this name."""
        del instances
        self.window.name = name
        return ""

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> Awaitable[None]:
        """Return what to wait for: the end of the window."""
        return self._produce(request, candidates)

    async def _produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        match = await self.window.bursts.place(request, candidates)
        if match is not None:
            publish(request, self.window.name, match)
