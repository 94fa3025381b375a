"""The precise prefix cache: index, events and speculation, as one part for plugins."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from epp.api.data import PrefixMatch, Tokens, find, publish
from epp.api.endpoint import Endpoint
from epp.api.metrics import Buckets, MetricFamily
from epp.api.plugin import Host
from epp.api.request import Decision, Request
from epp.kvcache.index import BlockIndex, Bounds
from epp.kvcache.settings import IndexerConfig, KvEventsConfig, TokenProcessorConfig
from epp.kvcache.speculation import Speculation
from epp.kvcache.stream import EventStream
from epp.kvcache.tokens import Tokenization

if TYPE_CHECKING:
    from epp.kvcache.subscriber import Subscriber

log = logging.getLogger(__name__)

_PREFILL_PROFILE = "prefill"
_BYTES_PER_TOKEN = 4
_BOUNDS = (0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05)

Names = Sequence[tuple[int, Sequence[int]]]
"""For each prompt the size of its blocks in tokens, and their names."""


def _ignore(matched_bytes: int, total_bytes: int) -> None:
    del matched_bytes, total_bytes


class PreciseCache:
    """What the endpoints hold, and what that makes of a prompt.

    Args:
        tokens: how tokens become blocks.
        indexer: bounds and weights.
        events: where events come from.
        speculative_seconds: how long a dispatch counts as held; None for not at all.
    """

    def __init__(
        self,
        tokens: TokenProcessorConfig,
        indexer: IndexerConfig,
        events: KvEventsConfig,
        speculative_seconds: float | None,
    ) -> None:
        tokens = indexer.token_processor_config or tokens
        memory = indexer.kv_block_index_config.in_memory_config
        self.note: Callable[[int, int], None] = _ignore
        """Told the bytes of the matched blocks and of all blocks of each dispatched prompt."""
        self.index = BlockIndex(
            Bounds(memory.size, memory.endpoint_size),
            slow_weight=indexer.slow_weight,
            block_tokens=tokens.block_size_tokens or tokens.block_size or 16,
            seed=tokens.hash_seed,
            by_engine=tokens.use_engine_hashes,
        )
        self.subscriber: Subscriber | None = None
        self._events = events
        self.has_tokens = False
        """Another plugin finds tokens."""
        self._name = ""
        self._tokenization = _own(indexer)
        self._is_observed = indexer.kv_block_index_config.enable_metrics
        self._speculation: Speculation | None = None
        if speculative_seconds is not None:
            self._speculation = Speculation(speculative_seconds)
        self._lookups = 0
        self._hits = 0
        self._best = 0.0
        self._latencies = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def connect(self, name: str, *, has_tokens: bool) -> None:
        """Take the instance's name, and note whether another plugin finds tokens."""
        self._name = name
        self.has_tokens = has_tokens
        if self._tokenization is not None:
            self._tokenization.name = name

    async def start(self, host: Host) -> None:
        """Subscribe to the events of the endpoints.

        Raises:
            ConfigError: a library is not installed, or an address cannot be used.
        """
        if self._tokenization is not None and not self.has_tokens:
            await self._tokenization.start()
        elif not self.has_tokens:
            log.warning(
                "%s: nobody tokenizes prompts, so only prompts given as token ids can match; add a "
                "token-producer with 'vllm' or 'local'",
                self._name,
            )
        from epp.kvcache.subscriber import Subscriber  # noqa: PLC0415 - a configuration can be checked without it

        self.subscriber = Subscriber(self.index, self._events)
        await self.subscriber.start(host)

    async def stop(self) -> None:
        """Stop listening."""
        if self.subscriber is not None:
            await self.subscriber.stop()
        if self._tokenization is not None:
            await self._tokenization.stop()

    def find(self, request: Request) -> PrefixMatch | None:
        """Return what the prompt matches, and publish it; None where its tokens are not known."""
        known = find(request, PrefixMatch, self._name)
        if known is not None:
            return known
        tokens = find(request, Tokens)
        if tokens is None or not tokens.is_exact:
            return None
        started = perf_counter()
        try:
            match, names = self._look_up(request, tokens)
        except (ValueError, TypeError):
            return None
        self._observe(perf_counter() - started, match)
        publish(request, self._name, match)
        request.scratch[self] = names
        return match

    def tokenize_and_find(self, request: Request) -> Awaitable[None] | None:
        """Do the same where no other plugin finds tokens; returns what to wait for."""
        if self._tokenization is None:
            self._tokenization = Tokenization(local=lambda _: None)
            self._tokenization.name = self._name
        waiting = self._tokenization.produce(request)
        if waiting is None:
            self.find(request)
            return None
        return self._find_later(request, waiting)

    async def _find_later(self, request: Request, waiting: Awaitable[None]) -> None:
        await waiting
        self.find(request)

    def dispatched(self, request: Request, decision: Decision) -> None:
        """Count the prompt's blocks as held where it is sent, until events tell."""
        names: Names | None = request.scratch.get(self)
        match = find(request, PrefixMatch, self._name)
        if names is None or match is None:
            return
        block_bytes = match.block_tokens * _BYTES_PER_TOKEN
        hit = int(match.blocks.get(decision.primary.slot, 0))
        self.note(hit * block_bytes, match.total * block_bytes)
        if self._speculation is None:
            return
        slots = [decision.primary.slot]
        prefill = decision.others.get(_PREFILL_PROFILE) if decision.others else None
        if prefill is not None:
            slots.append(prefill.primary.slot)
        for _, blocks in names:
            for slot in slots:
                self._speculation.sent(slot, blocks)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what the endpoint holds."""
        self.index.forget(endpoint.slot)
        if self._speculation is not None:
            self._speculation.forget(endpoint.slot)

    def state(self) -> Mapping[str, object]:
        """Return sizes and counts, for the debug page."""
        streams = self._streams()
        return {
            "blocks": self.index.size,
            "blockTokens": list(self.index.block_tokens()),
            "adapters": len(self.index.adapters),
            "publishers": len(streams),
            "replaying": sum(stream.is_replaying for stream in streams),
            "lostMessages": self._lost(streams),
            "restarts": self._resets(streams),
            "events": dict(self.index.counts),
        }

    def metrics(self) -> Iterable[MetricFamily]:
        """Return the figures of index and events (names as in llm-d's kv-cache library)."""
        if not self._is_observed:
            return
        counts = self.index.counts
        streams = self._streams()
        plain = (
            ("kvcache_index_admissions_total", "Events that stored blocks.", counts["stored"]),
            ("kvcache_index_evictions_total", "Events that removed blocks.", counts["removed"]),
            ("kvcache_index_lookup_requests_total", "Prompts looked up.", self._lookups),
            ("kvcache_index_lookup_hits_total", "Prompts with a held block.", self._hits),
            (
                "kvcache_index_max_pod_hit_count_total",
                "Blocks of prompts held by the endpoint that held most.",
                self._best,
            ),
            (
                "kvcache_kvevents_lost_messages_total",
                "Messages of publishers that were never seen.",
                self._lost(streams),
            ),
            (
                "kvcache_kvevents_restarts_total",
                "Publishers that began anew, whose blocks were forgotten.",
                self._resets(streams),
            ),
        )
        for name, text, value in plain:
            yield MetricFamily(name, "counter", text, (), [((), value)])
        yield MetricFamily(
            "kvcache_kvevents_events_total",
            "counter",
            "Events by kind, and those that could not be used by reason.",
            ("kind",),
            [((kind,), count) for kind, count in sorted(counts.items())],
        )
        yield MetricFamily(
            "kvcache_index_blocks", "gauge", "Blocks remembered.", (), [((), self.index.size)]
        )
        latency = Buckets(_BOUNDS, tuple(self._latencies), self._seconds)
        yield MetricFamily(
            "kvcache_index_lookup_latency_seconds",
            "histogram",
            "Seconds that looking a prompt up took.",
            (),
            [((), latency)],
        )

    def _look_up(self, request: Request, tokens: Tokens) -> tuple[PrefixMatch, Names]:
        sizes = self.index.block_tokens()
        unit = sizes[0]
        also = self._speculation.holders() if self._speculation else {}
        blocks: dict[int, float] = {}
        total = 0
        looked_up = []
        for prompt in tokens.prompts:
            total += len(prompt) // unit
            best: dict[int, float] = {}
            for size in sizes:
                names = self.index.names(
                    prompt, size, adapter=request.target_model, salt=request.cache_salt
                )
                looked_up.append((size, names))
                for slot, count in self.index.match(names, also).items():
                    best[slot] = max(best.get(slot, 0.0), count * size / unit)
            for slot, count in best.items():
                blocks[slot] = blocks.get(slot, 0.0) + count
        return PrefixMatch(blocks, total, unit), looked_up

    def _observe(self, seconds: float, match: PrefixMatch) -> None:
        self._lookups += 1
        self._hits += bool(match.blocks)
        self._best += max(match.blocks.values(), default=0)
        self._seconds += seconds
        self._latencies[sum(seconds > bound for bound in _BOUNDS)] += 1

    def _streams(self) -> Sequence[EventStream]:
        return self.subscriber.streams if self.subscriber else ()

    def _lost(self, streams: Sequence[EventStream]) -> int:
        gone = self.subscriber.lost if self.subscriber else 0
        return gone + sum(stream.lost for stream in streams)

    def _resets(self, streams: Sequence[EventStream]) -> int:
        gone = self.subscriber.resets if self.subscriber else 0
        return gone + sum(stream.resets for stream in streams)


def _own(indexer: IndexerConfig) -> Tokenization | None:
    """Return the tokenizers that the index's own configuration names."""
    pool = indexer.tokenizers_pool_config
    if pool is None or pool.local is None:
        return None
    files, model = pool.local, pool.model_name
    return Tokenization(
        local=lambda asked: files.path_of(model or asked), workers=pool.workers_count
    )
