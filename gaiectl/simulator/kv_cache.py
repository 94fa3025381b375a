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
    """

    def __init__(self, *, size: int, block_size: int, seed: str = "") -> None:
        self.size = size
        self.block_size = block_size
        self._seed = seed
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
        for block in hashes[found:]:
            if not self._hold(block, lease):
                break
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
        if answer:
            generated, _ = self._chain([*lease.tail, *answer], lease.parent)
            for block in generated:
                if not self._hold(block, lease):
                    break
        for block in reversed(held):
            # The end of a chain is worth less than its beginning, so it is the older one.
            self._drop(block)

    def clear(self) -> None:
        """Forget every block that no running request holds."""
        for block in (*self._unused, *self._orphaned):
            del self._owner[block]
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
                del self._owner[block]
                return True
        return False
