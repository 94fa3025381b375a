"""Token ids without a tokenizer: four bytes of text each (llm-d's ``estimate``).

They are good for telling equal beginnings from different ones, and for lengths; a model server's
blocks are others.
"""

import json
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from sys import byteorder
from typing import Any

from epp.api.data import Tokens
from epp.api.request import Request
from epp.kvcache.prompts import Chat, Ids, Texts, work_of

with suppress(ImportError):  # a configuration can be checked without it
    from xxhash import xxh64_intdigest

MAX_TEXT_BYTES = 4 * 1024 * 1024
_ID_BYTES = 4
_DEFAULT_PIXELS = 640 * 360
_PIXELS_PER_TOKEN = 1024
_CLIP_SECONDS = 10
_SOUND_TOKENS_PER_SECOND = 25

Placeholders = Callable[[str, str], int]
"""Returns how many tokens stand for a part of this type and content."""


def placeholders(kind: str, content: str) -> int:
    """Return llm-d's default: for an image 225, for a video ten of these, for a sound 250."""
    del content
    image = _DEFAULT_PIXELS // _PIXELS_PER_TOKEN
    if kind == "image_url":
        return image
    return (
        image * _CLIP_SECONDS if kind == "video_url" else _SOUND_TOKENS_PER_SECOND * _CLIP_SECONDS
    )


def estimate(request: Request, count: Placeholders = placeholders) -> Tokens:
    """Return what stands for the request's token ids; exact if it came as ids."""
    work = work_of(request)
    if isinstance(work, Ids):
        return Tokens([array("I", prompt) for prompt in work.prompts], is_exact=True)
    if isinstance(work, Texts):
        return Tokens([_pack(_text(text)) for text in work.texts])
    if isinstance(work, Chat):
        return Tokens([_pack(b"".join(_chat(work.fields, count)))])
    text = request.prompt.head(MAX_TEXT_BYTES)
    return Tokens([_pack(text)] if text else [])


def _pack(text: bytes) -> "array[int]":
    words = array("I")
    words.frombytes(text + bytes(-len(text) % _ID_BYTES))
    if byteorder == "big":
        words.byteswap()
    return words


def _chat(fields: Mapping[str, Any], count: Placeholders) -> Iterator[bytes]:
    size = 0
    for piece in _pieces(fields):
        if isinstance(piece, bytes):
            size += len(piece)
            yield piece
            continue
        # A part that is no text shares no token with text.
        yield bytes(-size % _ID_BYTES)
        size += -size % _ID_BYTES
        kind, content = piece
        mark = xxh64_intdigest(content.encode("utf-8", "surrogatepass")) & 0xFFFFFFFF
        yield mark.to_bytes(_ID_BYTES, "little") * count(kind, content)


def _pieces(fields: Mapping[str, Any]) -> Iterator[bytes | tuple[str, str]]:
    tools = fields.get("tools")
    if tools:
        text = json.dumps(tools, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        for sign in "<>&":
            text = text.replace(sign, f"\\u{ord(sign):04x}")
        yield text.encode("utf-8", "surrogatepass")
    for message in fields["messages"]:
        if not isinstance(message, dict):
            continue
        yield _text(message.get("role"))
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            kind = part.get("type") if isinstance(part, dict) else None
            if kind == "text":
                yield _text(part.get("text"))
            elif isinstance(kind, str) and isinstance(media := part.get(kind), dict):
                given = media.get("url") or f"{media.get('data', '')}{media.get('format', '')}"
                yield kind, str(given)
        yield _text(content)


def _text(value: Any) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""
