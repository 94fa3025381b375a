"""KV-cache events of vLLM and of who speaks like it (SGLang, llm-d-inference-sim), from msgpack.

A message is ``[time, [event, ...], data-parallel rank]``. Its events are arrays that begin with the
event's name (vLLM up to 0.1x and SGLang), or maps whose ``type`` is the name (later ones). Fields
that are not known are skipped; fields of other types make the whole message malformed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

BlockHash = int | bytes


class Stored(NamedTuple):
    """Blocks that are in the cache now.

    Attributes:
        hashes: the engine's own names of the blocks, in order.
        parent: the block before the first one; None at the start of a prompt.
        tokens: ids of all blocks; ``block_size`` for each.
        block_size: tokens in a block.
        lora: name of the adapter; empty for the base model.
        medium: where they are, for example ``GPU``; empty when not told.
        extra: what else each block's hash depends on, for example the cache salt; empty when that
            is not told or nothing.
        group: of the KV caches of a hybrid model.
        kind: of that cache, for example ``full_attention``; empty when not told.
    """

    hashes: Sequence[BlockHash]
    parent: BlockHash | None
    tokens: Sequence[int]
    block_size: int
    lora: str = ""
    medium: str = ""
    extra: Sequence[Sequence[Any] | None] = ()
    group: int = 0
    kind: str = ""


class Removed(NamedTuple):
    """Blocks that are no longer in the cache.

    Attributes:
        hashes: the engine's own names of the blocks.
        medium: where they were; empty when not told.
        group: of the KV caches of a hybrid model.
    """

    hashes: Sequence[BlockHash]
    medium: str = ""
    group: int = 0


class Cleared(NamedTuple):
    """The cache is empty now."""


Event = Stored | Removed | Cleared


class Batch(NamedTuple):
    """The events of one message.

    Attributes:
        events: in order.
        rank: data-parallel rank of the engine; None when not told.
    """

    events: Sequence[Event]
    rank: int | None


class Malformed(Exception):
    """The message is none of the known forms."""


def decode(payload: bytes) -> Batch:
    """Return the events of a message.

    Raises:
        Malformed: it is no such message.
    """
    from epp.kvcache import wire  # noqa: PLC0415 - it needs a library of an extra

    # The first event is a map or an array, and the time before it has a fixed length.
    is_array = payload[11:12] >= b"\x90"
    decoders: tuple[Any, Any] = (wire.arrays, wire.maps) if is_array else (wire.maps, wire.arrays)
    message = None
    for decoder in decoders:
        try:
            message = decoder.decode(payload)
            break
        except Exception as error:  # noqa: BLE001 - hostile bytes may bring about any
            reason = type(error).__name__
    if message is None:
        raise Malformed(reason)
    events = [_event(event, wire) for event in message.events]
    return Batch(events, message.rank)


def _event(event: Any, wire: Any) -> Event:
    if isinstance(event, wire.StoredMap):
        return Stored(
            event.block_hashes,
            event.parent_block_hash,
            event.token_ids,
            event.block_size,
            event.lora_name or ("" if event.lora_id is None else f"lora {event.lora_id}"),
            event.medium or "",
            event.extra_keys or (),
            event.group_idx or 0,
            event.kv_cache_spec_kind or "",
        )
    if isinstance(event, wire.RemovedMap):
        return Removed(event.block_hashes, event.medium or "", event.group_idx or 0)
    return Cleared()
