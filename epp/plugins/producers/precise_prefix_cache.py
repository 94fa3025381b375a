"""precise-prefix-cache-producer: how much of a prompt each endpoint really has in its KV cache.

What:
    Listens to the KV-cache events that model servers publish over ZeroMQ (vLLM, SGLang), keeps an
    index of who holds which block, and publishes how many leading blocks of a prompt each endpoint
    holds.

Formula:
    Leading blocks that are held there, for each prompt of the request, summed; a block outside of
    the accelerator's memory counts 0.8. Only full blocks count. Blocks are told apart by the token
    ids that events carry, with an own hash: neither PYTHONHASHSEED nor block size nor hash
    algorithm need to be known. With useEngineHashes they are told apart by vLLM's own sha256_cbor.

Reads:
    KV-cache events; exact token ids of a token-producer, target model and cache salt of the
    request. What is lost on the way is asked for again at replayPort. An endpoint that begins anew
    is forgotten.

Parameters:
    tokenProcessorConfig: how tokens become blocks.
    indexerConfig: bounds of the index, tiers, and tokenizers for want of a token-producer.
    kvEventsConfig: where events come from.
    speculativeIndexing: count a prompt as held where it is sent, until events tell.
    speculativeTTL: for how long.

When to use:
    When prompts share long beginnings and caches are too small or too busy for what
    approx-prefix-cache-producer assumes. Needs a token-producer with vllm or local, and engines
    started with --kv-events-config. Score it with prefix-cache-scorer.
"""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from epp.api.data import PrefixMatch, Tokens, find
from epp.api.endpoint import Candidate, Endpoint
from epp.api.metrics import MetricFamily
from epp.api.parameters import Param, Seconds
from epp.api.plugin import Host, Instance, Producer
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request
from epp.kvcache.precise import PreciseCache
from epp.kvcache.settings import IndexerConfig, KvEventsConfig, TokenProcessorConfig

_TOKENS, _INDEXER, _EVENTS = TokenProcessorConfig(), IndexerConfig(), KvEventsConfig()
_TTL = Seconds(2)


@plugin("precise-prefix-cache-producer", Family.PRODUCER)
@dataclass(frozen=True, slots=True, eq=False)
class PrecisePrefixCacheProducer:
    """Publishes what is held where."""

    token_processor_config: Annotated[TokenProcessorConfig, Param("How tokens become blocks.")] = (
        _TOKENS
    )
    indexer_config: Annotated[
        IndexerConfig, Param("Bounds of the index, tiers and tokenizers.")
    ] = _INDEXER
    kv_events_config: Annotated[KvEventsConfig, Param("Where events come from.")] = _EVENTS
    speculative_indexing: Annotated[
        bool, Param("Count a prompt as held where it is sent, until events tell.")
    ] = False
    speculative_ttl: Annotated[
        Seconds, Param("For how long.", above=0, maximum=3600, name="speculativeTTL")
    ] = _TTL

    produces: ClassVar[frozenset[type]] = frozenset({PrefixMatch})
    consumes: ClassVar[frozenset[type]] = frozenset({Tokens})
    reads_body: ClassVar[bool] = True
    cache: PreciseCache = field(init=False, repr=False)

    def __post_init__(self) -> None:
        pool = self.indexer_config.tokenizers_pool_config
        if pool is not None and pool.local is not None:
            pool.local.check()
        cache = PreciseCache(
            self.token_processor_config,
            self.indexer_config,
            self.kv_events_config,
            self.speculative_ttl if self.speculative_indexing else None,
        )
        object.__setattr__(self, "cache", cache)

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Find out whether another plugin finds tokens."""
        others = [instance.plugin for other, instance in instances.items() if other != name]
        has_tokens = any(isinstance(o, Producer) and Tokens in o.produces for o in others)
        self.cache.connect(name, has_tokens=has_tokens)
        return ""

    async def start(self, host: Host) -> None:
        """Subscribe to the events of the endpoints."""
        await self.cache.start(host)

    async def stop(self) -> None:
        """Stop listening."""
        await self.cache.stop()

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> Awaitable[None] | None:
        """Publish what the prompt matches; returns what to wait for when it must be tokenized."""
        del candidates
        if find(request, Tokens) is None and not self.cache.has_tokens:
            return self.cache.tokenize_and_find(request)
        self.cache.find(request)
        return None

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Note who is sent this prompt."""
        del candidates
        self.cache.dispatched(request, decision)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what the endpoint holds."""
        self.cache.endpoint_gone(endpoint)

    def metrics(self) -> Iterable[MetricFamily]:
        """Show index and events."""
        return self.cache.metrics()

    def state(self) -> Mapping[str, object]:
        """Show sizes and counts."""
        return self.cache.state()
