"""Compact JSON as Go's encoding/json writes it, made piece by piece.

The text that is hashed for prefix matching is defined by that encoder: keys of generic objects
sorted, ``<``, ``>``, ``&``, U+2028 and U+2029 escaped, every number a float64.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from epp.parsing.codec import orjson

_EXACT = 2**53


def go_string(text: str, limit: int) -> bytes:
    """Return ``text`` as a JSON string whose first ``limit`` bytes are right.

    What lies beyond need not be encoded: each character gives at least one byte.
    """
    encoded = orjson.dumps(text[:limit])
    if b"<" in encoded:
        encoded = encoded.replace(b"<", b"\\u003c")
    if b">" in encoded:
        encoded = encoded.replace(b">", b"\\u003e")
    if b"&" in encoded:
        encoded = encoded.replace(b"&", b"\\u0026")
    if b"\xe2\x80" in encoded:
        encoded = encoded.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return encoded


def go_json(value: Any, limit: int) -> Iterator[bytes]:
    """Yield the pieces of a decoded JSON value, so that a reader may stop early.

    Strings are right in their first ``limit`` bytes. Values may be nested to any depth.
    """
    stack: list[Iterator[Any]] = [iter((value,))]
    while stack:
        for item in stack[-1]:
            if isinstance(item, bytes):
                yield item
            elif isinstance(item, (dict, list)):
                stack.append(_inside(item, limit))
                break
            else:
                yield _scalar(item, limit)
        else:
            stack.pop()


def _inside(value: dict[str, Any] | list[Any], limit: int) -> Iterator[Any]:
    """Yield what an object or array is made of: text as bytes, and the values between it."""
    if isinstance(value, dict):
        separator = b"{"
        for key in sorted(value):
            yield separator + go_string(key, limit) + b":"
            yield value[key]
            separator = b","
        yield b"}" if value else b"{}"
        return
    separator = b"["
    for item in value:
        yield separator
        yield item
        separator = b","
    yield b"]" if value else b"[]"


def _scalar(value: str | float | None, limit: int) -> bytes:
    if isinstance(value, str):
        return go_string(value, limit)
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return _number(value).encode()


def _number(value: float) -> str:
    if isinstance(value, int) and -_EXACT <= value <= _EXACT:
        return str(value)
    number = float(value)
    shortest = repr(number)
    if number == 0 or 1e-6 <= abs(number) < 1e21:
        return format(Decimal(shortest), "f").removesuffix(".0")
    return shortest.replace("e-0", "e-")
