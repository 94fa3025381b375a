"""A prefix cache of fixed size: blocks of tokens, chain hashes, reference counts, LRU eviction.

As in vLLM, only full blocks are shared, the last token of a prompt is always computed, and blocks
of a finished request stay until their place is needed. Blocks of adapters that are no longer
loaded go first (llm-d-inference-sim). All counts are blocks unless a name says tokens.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import xxhash

from gaiectl.simulator.kv_events import KvEventLog


@dataclass(slots=True)
class Lease:
    """The blocks a running request holds.

    Attributes:
        adapter: the LoRA adapter whose blocks these are; empty for the base model.
        cached_tokens: prompt tokens that were found in the cache.
        hashes: full blocks held, in order; one reference each.
        private: blocks without a hash: the unfilled last one and the answer's.
        tail: tokens behind the last full block.
        parent: hash of the last full block, held or not.
        released: everything was given back.
    """

    adapter: str
    cached_tokens: int
    hashes: list[int]
    private: int
    tail: list[int]
    parent: int
    released: bool = False


class PrefixCache:
    """The block store of one model server.

    Args:
        size: blocks it can hold, at least 1.
        block_size: tokens in a block.
        seed: goes into every hash, as vLLM's PYTHONHASHSEED does.
        events: notes what is stored and removed, if anybody wants to know.
    """

    def __init__(
        self, *, size: int, block_size: int, seed: str = "", events: KvEventLog | None = None
    ) -> None:
        self.size = size
        self.block_size = block_size
        self._seed = seed
        self._events = events
        self._active: dict[int, int] = {}
        self._owner: dict[int, str] = {}
        self._unused: OrderedDict[int, None] = OrderedDict()
        self._orphaned: OrderedDict[int, None] = OrderedDict()
        self._unloaded: set[str] = set()
        self._private = 0

    @property
    def in_use(self) -> int:
        """Blocks held by running requests."""
        return len(self._active) + self._private

    @property
    def stored(self) -> int:
        """Blocks with a hash: held ones and those waiting to be used again."""
        return len(self._owner)

    @property
    def usage(self) -> float:
        """Share of the cache that running requests hold, 0 to 1."""
        return self.in_use / self.size

    def acquire(self, tokens: Sequence[int], adapter: str = "") -> Lease:
        """Look a prompt up and take its blocks; what does not fit is simply not held."""
        hashes, parent = self._chain(tokens, self._root(adapter))
        reusable = (len(tokens) - 1) // self.block_size if tokens else 0
        found = 0
        while found < min(reusable, len(hashes)) and hashes[found] in self._owner:
            found += 1
        lease = Lease(
            adapter=adapter,
            cached_tokens=found * self.block_size,
            hashes=[],
            private=0,
            tail=list(tokens[len(hashes) * self.block_size :]),
            parent=parent,
        )
        # Take the known blocks first: making room for the others must not evict them.
        for block in hashes[:found]:
            self._hold(block, lease)
        before = hashes[found - 1] if found else None
        self._store(hashes[found:], before, tokens[found * self.block_size :], lease)
        if lease.tail:
            self._take_private(lease)
        return lease

    def grow(self, lease: Lease, tokens: int) -> None:
        """Give a request room for ``tokens`` answer tokens in all, as far as there is room."""
        wanted = -(-(len(lease.tail) + tokens) // self.block_size)
        while lease.private < wanted and self._take_private(lease):
            pass

    def release(self, lease: Lease, answer: Sequence[int] = ()) -> None:
        """Give all blocks back; full blocks of prompt and answer stay until evicted."""
        if lease.released:
            return
        lease.released = True
        self._private -= lease.private
        held = lease.hashes
        lease.private = 0
        is_first = lease.parent == self._root(lease.adapter)
        # Blocks behind a gap are never found.
        if answer and (is_first or lease.parent in self._active):
            tokens = [*lease.tail, *answer]
            generated, _ = self._chain(tokens, lease.parent)
            self._store(generated, None if is_first else lease.parent, tokens, lease)
        for block in reversed(held):
            # The end of a chain is worth less than its beginning, so it is the older one.
            self._drop(block)

    def clear(self) -> None:
        """Forget every block that no running request holds."""
        if self._active:
            for block in (*self._unused, *self._orphaned):
                self._forget(block)
        else:
            self._owner.clear()
            if self._events is not None:
                self._events.cleared()
        self._unused.clear()
        self._orphaned.clear()

    def adapter_unloaded(self, adapter: str) -> None:
        """Make the unused blocks of an adapter the first to be evicted."""
        self._unloaded.add(adapter)
        for block in [block for block in self._unused if self._owner[block] == adapter]:
            del self._unused[block]
            self._orphaned[block] = None

    def adapter_loaded(self, adapter: str) -> None:
        """Let the blocks of an adapter age like all others again."""
        if adapter not in self._unloaded:
            return
        self._unloaded.discard(adapter)
        for block in [block for block in self._orphaned if self._owner[block] == adapter]:
            del self._orphaned[block]
            self._unused[block] = None

    def _root(self, adapter: str) -> int:
        return xxhash.xxh3_64_intdigest(f"{self._seed}\0{adapter}".encode())

    def _chain(self, tokens: Sequence[int], parent: int) -> tuple[list[int], int]:
        """Hash the full blocks of ``tokens``, each with all before it; return also the last."""
        raw = array("I", tokens).tobytes()
        width = len(raw) // len(tokens) * self.block_size if tokens else 1
        hashes = []
        for start in range(0, len(raw) - width + 1, width):
            parent = xxhash.xxh3_64_intdigest(raw[start : start + width], parent)
            hashes.append(parent)
        return hashes, parent

    def _store(
        self, blocks: Sequence[int], before: int | None, tokens: Sequence[int], lease: Lease
    ) -> None:
        """Hold blocks that follow each other, as many as there is room for; tell of new ones."""
        for position, block in enumerate(blocks):
            is_new = block not in self._owner
            if not self._hold(block, lease):
                break
            if is_new and self._events is not None:
                start = position * self.block_size
                own = tokens[start : start + self.block_size]
                self._events.stored(block, before, own, lease.adapter)
            before = block

    def _hold(self, block: int, lease: Lease) -> bool:
        if block in self._active:
            self._active[block] += 1
        else:
            if block in self._owner:
                self._unused.pop(block, None)
                self._orphaned.pop(block, None)
            elif not self._make_room():
                return False
            self._owner[block] = lease.adapter
            self._active[block] = 1
        lease.hashes.append(block)
        return True

    def _drop(self, block: int) -> None:
        self._active[block] -= 1
        if not self._active[block]:
            del self._active[block]
            gone = self._owner[block] in self._unloaded
            (self._orphaned if gone else self._unused)[block] = None

    def _take_private(self, lease: Lease) -> bool:
        if not self._make_room():
            return False
        lease.private += 1
        self._private += 1
        return True

    def _make_room(self) -> bool:
        if len(self._owner) + self._private < self.size:
            return True
        for pool in (self._orphaned, self._unused):
            if pool:
                block, _ = pool.popitem(last=False)
                self._forget(block)
                return True
        return False

    def _forget(self, block: int) -> None:
        del self._owner[block]
        if self._events is not None:
            self._events.removed(block)
