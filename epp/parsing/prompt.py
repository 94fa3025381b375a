"""The text that is hashed for prefix matching, encoded only as far as somebody asks.

Which bytes these are is shared with GAIE's approximate prefix cache: a completion's prompt as
UTF-8, and the compact Go-JSON of what the other APIs carry.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from sys import byteorder
from typing import Any

from epp.parsing.go_json import go_json, go_string

_TOKEN_BYTES = 4
_TOKEN_MASK = 0xFFFFFFFF


@dataclass(slots=True)  # made for most requests: a frozen one would be slower to make
class TextPrompt:
    """A completion's prompt; several prompts count as one text."""

    texts: Sequence[str]

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes of the UTF-8."""
        if len(self.texts) == 1 and limit > 0:
            return self.texts[0][:limit].encode()[:limit]
        return _first((text[:limit].encode() for text in self.texts), limit)


@dataclass(frozen=True, slots=True)
class TokenPrompt:
    """A prompt given as token ids: four bytes each, little-endian.

    So a block of n tokens is a block of 4n bytes, as it is taken to be for text.
    """

    prompts: Sequence[Sequence[int]]

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes."""
        return _first((_token_bytes(tokens, limit) for tokens in self.prompts), limit)


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """The messages of a chat, as far as they make the prompt: role and content."""

    messages: Sequence[Mapping[str, Any]]

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes of the message array."""
        return _first(_array(_message(m, limit) for m in self.messages), limit)


@dataclass(frozen=True, slots=True)
class ResponsesPrompt:
    """A request of the Responses API: what is given of these keys, in this order."""

    parts: Sequence[tuple[str, Any]]

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes of the array of one-key objects."""
        return _first(_array(go_json({key: value}, limit) for key, value in self.parts), limit)


@dataclass(frozen=True, slots=True)
class ItemsPrompt:
    """The items of a conversation: type, role and content, empty ones left out."""

    items: Sequence[Mapping[str, Any]]

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes of the item array."""
        return _first(_array(_item(item, limit) for item in self.items), limit)


@dataclass(frozen=True, slots=True)
class JsonPrompt:
    """Any JSON value: the input of an embedding."""

    value: Any

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes of its JSON."""
        return _first(go_json(self.value, limit), limit)


def _first(pieces: Iterator[bytes], limit: int) -> bytes:
    taken: list[bytes] = []
    size = 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= limit:
            break
    return b"".join(taken)[: max(limit, 0)]


def _token_bytes(tokens: Sequence[int], limit: int) -> bytes:
    count = limit // _TOKEN_BYTES + 1
    words = array("I", (token & _TOKEN_MASK for token in islice(tokens, count)))
    if byteorder == "big":
        words.byteswap()
    return words.tobytes()


def _array(values: Iterator[Iterator[bytes]]) -> Iterator[bytes]:
    separator = b"["
    for pieces in values:
        yield separator
        yield from pieces
        separator = b","
    yield b"]"


def _message(message: Mapping[str, Any], limit: int) -> Iterator[bytes]:
    role = message.get("role")
    yield b'{"role":' + go_string(role, limit) + b',"content":' if role else b'{"content":'
    content = message.get("content")
    if isinstance(content, list):
        yield from _array(_block(block, limit) for block in content) if content else (b"[]",)
    else:
        yield go_string(content or "", limit)
    yield b"}"


def _block(block: Mapping[str, Any], limit: int) -> Iterator[bytes]:
    yield b'{"type":' + go_string(block.get("type") or "", limit)
    if text := block.get("text"):
        yield b',"text":' + go_string(text, limit)
    for name, fields in MEDIA.items():
        part = block.get(name) or {}
        yield b',"' + name.encode() + b'":{'
        given = [field for field in fields if part.get(field)]
        for field in given:
            yield b"," if field is not given[0] else b""
            yield b'"' + field.encode() + b'":' + go_string(part[field], limit)
        yield b"}"
    yield b"}"


def _item(item: Mapping[str, Any], limit: int) -> Iterator[bytes]:
    separator = b"{"
    for key in ("type", "role", "content"):
        if value := item.get(key):
            yield separator + b'"' + key.encode() + b'":'
            yield from go_json(value, limit)
            separator = b","
    yield b"{}" if separator == b"{" else b"}"


MEDIA: Mapping[str, tuple[str, ...]] = {
    "image_url": ("url",),
    "input_audio": ("data", "format"),
    "video_url": ("url",),
}
"""The parts of a content block that are always written as objects, with their string fields."""
