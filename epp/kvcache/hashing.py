"""Names of prompt prefixes: our own, and those of vLLM.

Our own name of a block is the XXH64 of its token ids, four bytes each, little-endian, with the name
of the block before as the seed; cut to 60 bits, because a Python integer of that size takes 32
bytes and a larger one 48. The first seed is the name of the LoRA adapter.

vLLM's name (``--prefix-caching-hash-algo sha256_cbor``) is the SHA-256 of the canonical CBOR of
``(name of the block before, token ids, extra keys)``; before the first block stands the SHA-256 of
the CBOR of the text in PYTHONHASHSEED. Events carry all 32 bytes, or the last 8 as a number.
"""

import hashlib
from array import array
from collections.abc import Sequence
from contextlib import suppress
from sys import byteorder
from typing import Any

with suppress(ImportError):  # a configuration can be checked without it
    from xxhash import xxh64_intdigest

TOKEN_BYTES = 4
MASK = (1 << 60) - 1
MAX_ID = 0xFFFFFFFF
BASE_MODEL = 0xEF46DB3751D8E999 & MASK
"""What stands before the first block without an adapter: the XXH64 of an empty name."""


def pack(tokens: Sequence[int]) -> bytes:
    """Return token ids as four bytes each, little-endian.

    Raises:
        ValueError: one is negative or needs more than four bytes.
        TypeError: one is no integer.
    """
    words: Any = tokens
    if not (isinstance(words, array) and words.typecode == "I"):
        try:
            words = array("I", tokens)
        except OverflowError as error:
            raise ValueError("a token id is out of range") from error
    if byteorder == "big":
        words = words[:]
        words.byteswap()
    return words.tobytes()  # type: ignore[no-any-return]


def root(adapter: str) -> int:
    """Return what stands before the first block of an adapter; an empty name is the base model."""
    return xxh64_intdigest(adapter.encode("utf-8", "surrogatepass")) & MASK


def fold(key: int, extra: Sequence[Any]) -> int:
    """Return the name before a block with extra keys: cache salt, multimodal items."""
    return xxh64_intdigest(repr(list(extra)).encode("utf-8", "surrogatepass"), key) & MASK


def keys(packed: bytes, key: int, block_tokens: int) -> list[int]:
    """Return the names of all full blocks.

    Args:
        packed: token ids as ``pack`` returns them.
        key: what stands before the first block.
        block_tokens: tokens in a block.
    """
    step = block_tokens * TOKEN_BYTES
    names = []
    for start in range(0, len(packed) - step + 1, step):
        key = xxh64_intdigest(packed[start : start + step], key) & MASK
        names.append(key)
    return names


def short(block_hash: int | bytes) -> int:
    """Return an engine's name of a block as a number of 60 bits, whichever form it came in."""
    if isinstance(block_hash, bytes):
        block_hash = int.from_bytes(block_hash[-8:], "big")
    return block_hash & MASK


def vllm_root(seed: str) -> bytes:
    """Return what vLLM puts before the first block, given its PYTHONHASHSEED."""
    return hashlib.sha256(_cbor(seed)).digest()


def vllm_hashes(
    tokens: Sequence[int],
    block_tokens: int,
    parent: bytes,
    extra: Sequence[Sequence[Any] | None] = (),
) -> list[bytes]:
    """Return vLLM's names of all full blocks, 32 bytes each.

    Args:
        tokens: the ids.
        block_tokens: tokens in a block.
        parent: what stands before the first block.
        extra: for each block what else its name depends on; missing ones depend on nothing.
    """
    names = []
    for number in range(len(tokens) // block_tokens):
        block = tuple(tokens[number * block_tokens : (number + 1) * block_tokens])
        others = extra[number] if number < len(extra) else None
        parent = hashlib.sha256(_cbor((parent, block, others))).digest()
        names.append(parent)
    return names


def _cbor(value: Any) -> bytes:
    """Return the canonical CBOR (RFC 8949, 4.2) of integers, strings, bytes, lists and None."""
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _cbor_head(0, value) if value >= 0 else _cbor_head(1, -1 - value)
    if isinstance(value, bytes):
        return _cbor_head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return _cbor_head(3, len(text)) + text
    if isinstance(value, Sequence):
        return _cbor_head(4, len(value)) + b"".join(map(_cbor, value))
    raise TypeError(f"no CBOR for {type(value).__name__}")


def _cbor_head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise ValueError("the number needs more than 64 bits")
