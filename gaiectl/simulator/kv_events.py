"""Events of the KV cache as vLLM tells them: what was stored, what was removed. No I/O.

The form is vLLM's (``vllm/distributed/kv_events.py``): an event is an array that begins with its
name, or a map whose ``type`` is the name.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]
"""Its fields by name, in vLLM's order, ``type`` first."""

MEDIUM = "GPU"
_MOST = 8192
"""Tokens or blocks that one event tells of, so that listeners' limits of a message are kept to; as
many tokens as vLLM computes in a step."""


class KvEventLog:
    """What has happened in a cache since it was last asked.

    Blocks that follow each other are one event, as they are in vLLM, which tells of a step.

    Args:
        block_size: tokens in a block.
        noted: called after each event that was noted.
    """

    def __init__(self, block_size: int, noted: Callable[[], None] = lambda: None) -> None:
        self.noted = noted
        self._block_size = block_size
        self._events: list[dict[str, Any]] = []
        self._last = 0

    def __len__(self) -> int:
        return len(self._events)

    def stored(
        self, block: int, parent: int | None, tokens: Sequence[int], adapter: str = ""
    ) -> None:
        """Note a block that is in the cache now.

        Args:
            block: its hash.
            parent: hash of the one before it in its prompt; None for the first.
            tokens: ids of this block alone.
            adapter: whose block it is; empty for the base model.
        """
        name = adapter or None
        before = self._before("BlockStored", "token_ids")
        if before is not None and parent == self._last and before["lora_name"] == name:
            before["block_hashes"].append(block)
            before["token_ids"] += tokens
        else:
            self._events.append({
                "type": "BlockStored",
                "block_hashes": [block],
                "parent_block_hash": parent,
                "token_ids": list(tokens),
                "block_size": self._block_size,
                "lora_id": None,
                "medium": MEDIUM,
                "lora_name": name,
            })  # fmt: skip
        self._last = block
        self.noted()

    def removed(self, block: int) -> None:
        """Note a block that is no longer in the cache."""
        before = self._before("BlockRemoved", "block_hashes")
        if before is not None:
            before["block_hashes"].append(block)
        else:
            self._events.append({"type": "BlockRemoved", "block_hashes": [block], "medium": MEDIUM})
        self.noted()

    def cleared(self) -> None:
        """Note that the cache is empty now."""
        self._events.append({"type": "AllBlocksCleared"})
        self.noted()

    def take(self) -> list[Event]:
        """Return the events, oldest first, and forget them."""
        events, self._events = self._events, []
        return [*events]

    def _before(self, kind: str, counted: str) -> dict[str, Any] | None:
        """Return the last event if it is of this kind and may tell of more."""
        before = self._events[-1] if self._events else {"type": ""}
        return before if before["type"] == kind and len(before[counted]) < _MOST else None
