"""Which endpoint has seen which prompt prefix: block hashes, and who holds each block.

A prompt is cut into blocks of equal size and each block's hash covers all blocks before it, so that
one hash stands for one whole prefix (schemes and byte order as in GAIE's prefix-cache-scorer and
llm-d's approx-prefix-cache-producer).

What the model servers really hold is not known here. The index assumes that each one keeps the
blocks of the prompts it was sent and drops those not used for longest when its cache is full.
"""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

with suppress(ImportError):  # a configuration can be checked without it
    from xxhash import xxh64_intdigest


def chain(text: bytes, seed: bytes, block_bytes: int) -> list[int]:
    """Return one hash per full block of the text; a partial last block has none.

    Args:
        text: the prompt, already cut to what shall be matched.
        seed: what else must be equal for a prefix to be shared: model name and cache salt.
        block_bytes: size of a block.
    """
    block_hash = xxh64_intdigest(seed)
    hashes = []
    for start in range(0, len(text) - block_bytes + 1, block_bytes):
        block = text[start : start + block_bytes]
        block_hash = xxh64_intdigest(block + block_hash.to_bytes(8, "little"))
        hashes.append(block_hash)
    return hashes


def token_chain(tokens: bytes, seed: bytes, block_bytes: int) -> list[int]:
    """Return one hash per block of token ids; a partial last block has one too (llm-d).

    Args:
        tokens: the ids, four bytes each, little-endian, already cut to what shall be matched.
        seed: what else must be equal for a prefix to be shared: model name and cache salt.
        block_bytes: size of a block.
    """
    block_hash = xxh64_intdigest(seed)
    hashes = []
    for start in range(0, len(tokens), block_bytes):
        content = xxh64_intdigest(tokens[start : start + block_bytes])
        pair = content.to_bytes(8, "little") + block_hash.to_bytes(8, "little")
        block_hash = xxh64_intdigest(pair)
        hashes.append(block_hash)
    return hashes


class PrefixIndex:
    """The blocks that each endpoint slot is assumed to hold.

    Sets of slots are integers with bit ``slot`` set. Each slot forgets on its own: when it holds
    more than its capacity, the blocks not sent to it for longest go first.
    """

    __slots__ = ("_holders", "_recent", "size")

    def __init__(self) -> None:
        self._holders: dict[int, int] = {}
        self._recent: dict[int, OrderedDict[int, None]] = {}
        self.size = 0
        """Entries over all slots."""

    def match(self, hashes: Sequence[int]) -> dict[int, int]:
        """Return for each slot that holds the first block how many leading blocks it holds."""
        matched: dict[int, int] = {}
        holders = self._holders
        depth = 0
        alive = -1
        for block_hash in hashes:
            slots = holders.get(block_hash)
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

    def match_scattered(self, hashes: Sequence[int]) -> dict[int, int]:
        """Return for each slot how many blocks it holds before the first one that nobody holds.

        GAIE's count: a slot that lost a block in the middle still counts those behind it.
        """
        visits: dict[int, int] = {}
        for block_hash in hashes:
            slots = self._holders.get(block_hash)
            if slots is None:
                break
            visits[slots] = visits.get(slots, 0) + 1
        matched: dict[int, int] = {}
        for slots, count in visits.items():
            left = slots
            while left:
                lowest = left & -left
                slot = lowest.bit_length() - 1
                matched[slot] = matched.get(slot, 0) + count
                left ^= lowest
        return matched

    def add(
        self, slot: int, hashes: Sequence[int], capacity: int, *, start_first: bool = False
    ) -> None:
        """Note that the slot was sent these blocks, in order from the start of the prompt.

        Args:
            slot: the endpoint's slot.
            hashes: the prompt's blocks.
            capacity: blocks that fit there now; the slot shrinks to it at once.
            start_first: forget the start of a prompt before its end, as GAIE does. Otherwise its
                end goes first, since without its start the rest can never match; model servers free
                blocks in that order.
        """
        recent = self._recent.get(slot)
        if recent is None:
            recent = self._recent[slot] = OrderedDict()
        before = len(recent)
        holders = self._holders
        bit = 1 << slot
        for block_hash in hashes if start_first else reversed(hashes[:capacity]):
            if block_hash in recent:
                recent.move_to_end(block_hash)
            else:
                recent[block_hash] = None
                # One object for all blocks that only this slot holds, which saves a sixth of the
                # memory, and one step for each.
                held = holders.setdefault(block_hash, bit)
                if held is not bit:
                    holders[block_hash] = held | bit
        while len(recent) > capacity:
            self._release(recent.popitem(last=False)[0], bit)
        self.size += len(recent) - before

    def remove(self, slot: int, hashes: Sequence[int]) -> None:
        """Forget these blocks of the slot; those that it does not hold are none of its business."""
        recent = self._recent.get(slot)
        if recent is None:
            return
        before = len(recent)
        for block_hash in hashes:
            if block_hash in recent:
                del recent[block_hash]
                self._release(block_hash, 1 << slot)
        self.size += len(recent) - before

    def forget(self, slot: int) -> None:
        """Drop all that is known of the slot."""
        recent = self._recent.pop(slot, None)
        if recent is None:
            return
        self.size -= len(recent)
        for block_hash in recent:
            self._release(block_hash, 1 << slot)

    def _release(self, block_hash: int, bit: int) -> None:
        left = self._holders[block_hash] & ~bit
        if left:
            self._holders[block_hash] = left
        else:
            del self._holders[block_hash]


def _note(matched: dict[int, int], slots: int, depth: int) -> None:
    """Set the depth for each slot of the set."""
    while slots:
        lowest = slots & -slots
        matched[lowest.bit_length() - 1] = depth
        slots ^= lowest
