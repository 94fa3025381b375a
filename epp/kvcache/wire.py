"""The two forms in which engines write KV-cache events; names and order of fields are vLLM's.

Imported when events are read, never before: msgspec belongs to an extra.
"""

from typing import Any

import msgspec

Hashes = list[int | bytes]


class StoredMap(msgspec.Struct, tag="BlockStored", gc=False):
    """Blocks that are in the cache now."""

    block_hashes: Hashes
    parent_block_hash: int | bytes | None
    token_ids: list[int]
    block_size: int
    lora_id: int | None = None
    medium: str | None = None
    lora_name: str | None = None
    extra_keys: list[Any] | None = None
    group_idx: int | None = None
    kv_cache_spec_kind: str | None = None


class RemovedMap(msgspec.Struct, tag="BlockRemoved", gc=False):
    """Blocks that are no longer in the cache."""

    block_hashes: Hashes
    medium: str | None = None
    group_idx: int | None = None


class ClearedMap(msgspec.Struct, tag="AllBlocksCleared", gc=False):
    """The cache is empty now."""


class StoredArray(StoredMap, tag="BlockStored", array_like=True, gc=False):
    """The same as an array."""


class RemovedArray(RemovedMap, tag="BlockRemoved", array_like=True, gc=False):
    """The same as an array."""


class ClearedArray(ClearedMap, tag="AllBlocksCleared", array_like=True, gc=False):
    """The same as an array."""


class MapBatch(msgspec.Struct, array_like=True, gc=False):
    """A message whose events are maps."""

    ts: float
    events: list[StoredMap | RemovedMap | ClearedMap]
    rank: int | None = None


class ArrayBatch(msgspec.Struct, array_like=True, gc=False):
    """A message whose events are arrays."""

    ts: float
    events: list[StoredArray | RemovedArray | ClearedArray]
    rank: int | None = None


maps = msgspec.msgpack.Decoder(MapBatch)
arrays = msgspec.msgpack.Decoder(ArrayBatch)
