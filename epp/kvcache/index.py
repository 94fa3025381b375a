"""Who holds which block of which prompt, as far as model servers told.

A block is known by the name that ``hashing`` gives it, not by the engine's: an event carries the
token ids, so that names can be made from these whatever the engine hashes, with whatever seed. The
engine's own names only serve to find a block again when it is the parent of others, or is removed.
That is llm-d's design too. It costs a few microseconds per event, and needs neither PYTHONHASHSEED
nor a hash algorithm to be the same on both sides. vLLM 0.32 shows why that matters: what it hashes
for a LoRA adapter is not in its events.

``by_engine`` goes by the engine's names instead, for vLLM with ``sha256_cbor`` and a known seed:
then a block counts although the event that stored its parent was lost.

Sets of endpoints are integers with bit ``slot`` set. Memory: a block that one endpoint holds takes
some 150 bytes; a bound for each endpoint and one for all limit it, whatever events say.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from epp.kvcache.events import Batch, Cleared, Event, Removed, Stored
from epp.kvcache.hashing import (
    BASE_MODEL,
    TOKEN_BYTES,
    fold,
    keys,
    pack,
    root,
    short,
    vllm_hashes,
    vllm_root,
)

MAX_BLOCK_TOKENS = 65536
MAX_BLOCKS_AT_ONCE = 65536
NOBODY: Mapping[int, int] = MappingProxyType({})
_MAX_SIZES = 8
_MAX_ADAPTERS = 1024
_MAX_RANKS = 256
_PORTION = 64
"""A full endpoint gives up one of this many of its blocks at once: one block at a time would cost
time in proportion to those given up before."""


class Bounds(NamedTuple):
    """How much is remembered.

    Attributes:
        blocks: of all endpoints together.
        endpoint_blocks: of one endpoint.
    """

    blocks: int = 10_000_000
    endpoint_blocks: int = 250_000


class _Tier:
    """One kind of memory: which slots hold a block there."""

    __slots__ = ("holders", "weight")

    def __init__(self, weight: float) -> None:
        self.holders: dict[int, int] = {}
        self.weight = weight


class _Engine:
    """What one engine holds: one slot, one data-parallel rank.

    Attributes:
        names: for each tier, our names by the engine's, oldest first.
        ignored: groups of KV caches that do not hold whole prefixes.
    """

    __slots__ = ("bit", "block_tokens", "ignored", "names")

    def __init__(self, slot: int, tiers: int) -> None:
        self.bit = 1 << slot
        self.block_tokens = 0
        self.names: list[dict[int, int]] = [{} for _ in range(tiers)]
        self.ignored: set[int] = set()


class BlockIndex:
    """The blocks of all endpoints.

    Args:
        bounds: how much is remembered.
        slow_weight: what a block is worth that is not in the accelerator's memory.
        block_tokens: tokens in a block, until an event tells.
        seed: PYTHONHASHSEED of the engines, with ``by_engine``.
        by_engine: go by vLLM's own names of blocks.
    """

    def __init__(
        self,
        bounds: Bounds = Bounds(),  # noqa: B008 - a named tuple does not change
        *,
        slow_weight: float = 0.8,
        block_tokens: int = 16,
        seed: str = "",
        by_engine: bool = False,
    ) -> None:
        self.size = 0
        """Entries over all endpoints, ranks and tiers."""
        self.counts: Counter[str] = Counter()
        """Events by kind, and what was wrong with some."""
        self.adapters: OrderedDict[str, int] = OrderedDict()
        """LoRA adapters seen, with what stands before their first block."""
        self._bounds = bounds
        self._default_tokens = block_tokens
        self._by_engine = by_engine
        self._vllm_root = vllm_root(seed)
        self._tiers = (_Tier(1.0), _Tier(slow_weight))
        self._engines: dict[int, dict[int, _Engine]] = {}
        self._sizes: Counter[int] = Counter()

    def apply(self, slot: int, batch: Batch) -> None:
        """Take the events of one message of an engine.

        Args:
            slot: the endpoint's.
            batch: of one message.
        """
        ranks = self._engines.get(slot)
        if ranks is None:
            ranks = self._engines[slot] = {}
        engine = ranks.get(batch.rank or 0)
        if engine is None:
            if len(ranks) >= _MAX_RANKS:
                self.counts["unusable"] += 1
                return
            engine = ranks[batch.rank or 0] = _Engine(slot, len(self._tiers))
        for event in batch.events:
            self._apply(engine, event, list(ranks.values()) if len(ranks) > 1 else ())

    def forget(self, slot: int) -> None:
        """Drop all that is known of the endpoint."""
        for engine in self._engines.pop(slot, {}).values():
            self._clear(engine, ())
            self._count_size(engine, 0)

    def block_tokens(self) -> Sequence[int]:
        """Return the block sizes in use, in tokens; the most common one first."""
        if not self._sizes:
            return (self._default_tokens,)
        if len(self._sizes) == 1:
            return tuple(self._sizes)
        return [size for size, _ in self._sizes.most_common()]

    def names(
        self, tokens: Sequence[int], block_tokens: int, *, adapter: str = "", salt: str = ""
    ) -> list[int]:
        """Return the names of a prompt's full blocks.

        Args:
            tokens: ids of the prompt.
            block_tokens: tokens in a block.
            adapter: model asked for; one that is no known adapter is the base model.
            salt: the request's cache salt.

        Raises:
            ValueError: the ids are out of range.
            TypeError: the ids are no integers.
        """
        if self._by_engine:
            extra = [[adapter] if adapter in self.adapters else []] * (len(tokens) // block_tokens)
            if salt and extra:
                extra[0] = [*extra[0], salt]
            others = [part or None for part in extra]
            return [
                short(name) for name in vllm_hashes(tokens, block_tokens, self._vllm_root, others)
            ]
        start = self.adapters.get(adapter, BASE_MODEL)
        if salt:
            start = fold(start, (salt,))
        return keys(pack(tokens), start, block_tokens)

    def match(self, names: Sequence[int], also: Mapping[int, int] = NOBODY) -> dict[int, float]:
        """Return for each slot that holds the first block how many leading blocks it holds.

        Less than whole where a slower tier holds some.

        Args:
            names: of a prompt's blocks.
            also: more holders of blocks, as sets of slots by name.
        """
        device, slow = self._tiers
        if slow.holders or also:
            return self._match_tiers(names, also)
        matched: dict[int, float] = {}
        holders = device.holders
        depth = 0
        alive = -1
        for name in names:
            slots = holders.get(name)
            if slots is None:
                break
            if slots != alive:
                slots &= alive
                if depth:
                    _note(matched, alive ^ slots, depth)
                alive = slots
            depth += 1
        if depth:
            _note(matched, alive, depth)
        return matched

    def _match_tiers(self, names: Sequence[int], also: Mapping[int, int]) -> dict[int, float]:
        device, slow = self._tiers
        matched: dict[int, float] = {}
        missing: dict[int, int] = {}
        alive = -1
        depth = 0
        for name in names:
            fast = device.holders.get(name, 0) | also.get(name, 0)
            slots = (fast | slow.holders.get(name, 0)) & alive
            if not slots:
                break
            if depth:
                _note(matched, alive ^ slots, depth)
            alive = slots
            depth += 1
            left = slots & ~fast
            while left:
                lowest = left & -left
                slot = lowest.bit_length() - 1
                missing[slot] = missing.get(slot, 0) + 1
                left ^= lowest
        if depth:
            _note(matched, alive, depth)
        for slot, count in missing.items():
            matched[slot] -= count * (1.0 - slow.weight)
        return matched

    def _apply(self, engine: _Engine, event: Event, siblings: Sequence[_Engine]) -> None:
        if isinstance(event, Stored):
            self.counts["stored"] += 1
            self._store(engine, event, siblings)
        elif isinstance(event, Removed):
            self.counts["removed"] += 1
            if event.group in engine.ignored:
                return
            tier = _tier(event.medium)
            names = engine.names[tier]
            for block_hash in map(short, event.hashes):
                if block_hash in names:
                    self._release(engine, tier, block_hash, siblings)
        elif isinstance(event, Cleared):
            self.counts["cleared"] += 1
            self._clear(engine, siblings)

    def _store(self, engine: _Engine, event: Stored, siblings: Sequence[_Engine]) -> None:
        if event.kind and "full" not in event.kind and "mla" not in event.kind:
            engine.ignored.add(event.group & 0xFF)
            return
        size = event.block_size
        if not self._is_usable(engine, event):
            self.counts["unusable"] += 1
            return
        tier = _tier(event.medium)
        if event.lora and event.lora not in self.adapters:
            self.adapters[event.lora] = root(event.lora)
            if len(self.adapters) > _MAX_ADAPTERS:
                self.adapters.popitem(last=False)
        try:
            made = self._names_of(engine, event)
        except (ValueError, TypeError, RecursionError):
            self.counts["unusable"] += 1
            return
        if not made:
            self.counts["orphaned"] += 1
            return
        self._count_size(engine, size)
        names, bit, holders = engine.names[tier], engine.bit, self._tiers[tier].holders
        for block_hash, name in zip(map(short, event.hashes), made, strict=False):
            known = names.get(block_hash)
            if known == name:
                continue
            if known is not None:
                self._release(engine, tier, block_hash, siblings)
            names[block_hash] = name
            self.size += 1
            # One object for all blocks that only this endpoint holds: a sixth of the memory.
            held = holders.setdefault(name, bit)
            if held is not bit:
                holders[name] = held | bit
        while len(names) > self._bounds.endpoint_blocks or self.size > self._bounds.blocks:
            self._shrink(engine, tier, siblings)

    def _is_usable(self, engine: _Engine, event: Stored) -> bool:
        size = event.block_size
        if not 0 < size <= MAX_BLOCK_TOKENS or len(event.hashes) > MAX_BLOCKS_AT_ONCE:
            return False
        if engine.block_tokens not in (0, size):
            return False
        if not self._by_engine and len(event.tokens) != size * len(event.hashes):
            return False
        return size in self._sizes or len(self._sizes) < _MAX_SIZES

    def _names_of(self, engine: _Engine, event: Stored) -> Sequence[int]:
        """Return the names of the event's blocks; none if the block before is not known."""
        if self._by_engine:
            return [short(block_hash) for block_hash in event.hashes]
        key: int | None
        if event.parent is None:
            key = self.adapters[event.lora] if event.lora else BASE_MODEL
        else:
            parent = short(event.parent)
            key = next((names[parent] for names in engine.names if parent in names), None)
            if key is None:
                return ()
        packed = pack(event.tokens)
        extra = event.extra
        if not any(extra):
            return keys(packed, key, event.block_size)
        step = event.block_size * TOKEN_BYTES
        made = []
        for number in range(len(event.hashes)):
            given = extra[number] if number < len(extra) else None
            others = [part for part in given if part != event.lora] if given else ()
            if others:
                key = fold(key, others)
            block = packed[number * step : (number + 1) * step]
            (key,) = keys(block, key, event.block_size)
            made.append(key)
        return made

    def _count_size(self, engine: _Engine, size: int) -> None:
        before = engine.block_tokens
        if before == size:
            return
        if before:
            self._sizes[before] -= 1
            if not self._sizes[before]:
                del self._sizes[before]
        if size:
            self._sizes[size] += 1
        engine.block_tokens = size

    def _shrink(self, engine: _Engine, tier: int, siblings: Sequence[_Engine]) -> None:
        """Drop the oldest blocks of who stores more than there is room for."""
        bounds = self._bounds
        surplus = len(engine.names[tier]) - bounds.endpoint_blocks
        if surplus <= 0:
            surplus = self.size - bounds.blocks
            engine, tier, siblings = self._largest()
        portion = min(bounds) // _PORTION
        oldest = list(islice(engine.names[tier], surplus + portion))
        self.counts["evicted"] += len(oldest)
        for block_hash in oldest:
            self._release(engine, tier, block_hash, siblings)

    def _largest(self) -> tuple[_Engine, int, Sequence[_Engine]]:
        """Return who stores most, in which tier, and the other ranks of the same endpoint."""
        every = (
            (len(names), engine, tier, ranks)
            for ranks in self._engines.values()
            for engine in ranks.values()
            for tier, names in enumerate(engine.names)
        )
        _, engine, tier, ranks = max(every, key=itemgetter(0))
        return engine, tier, list(ranks.values()) if len(ranks) > 1 else ()

    def _clear(self, engine: _Engine, siblings: Sequence[_Engine]) -> None:
        for tier, names in enumerate(engine.names):
            for block_hash in list(names):
                self._release(engine, tier, block_hash, siblings)

    def _release(
        self, engine: _Engine, tier: int, block_hash: int, siblings: Sequence[_Engine]
    ) -> None:
        name = engine.names[tier].pop(block_hash)
        self.size -= 1
        for sibling in siblings:
            # Ranks are processes with one seed: the same names for the same blocks.
            if sibling is not engine and block_hash in sibling.names[tier]:
                return
        holders = self._tiers[tier].holders
        left = holders.get(name, 0) & ~engine.bit
        if left:
            holders[name] = left
        else:
            holders.pop(name, None)


def _tier(medium: str) -> int:
    return 0 if medium in ("", "GPU", "gpu") else 1


def _note(matched: dict[int, float], slots: int, depth: int) -> None:
    """Set the depth for each slot of the set."""
    while slots:
        lowest = slots & -slots
        matched[lowest.bit_length() - 1] = depth
        slots ^= lowest
