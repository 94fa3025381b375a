"""An offline tokenizer: words, single signs and runs of space; no vocabulary to download.

The pieces of a text, joined, are the text again. The id of a piece depends on its bytes alone, so
every simulator, on any machine, gives the same ids for the same text: ids below 256 are single
bytes, all others are hashes folded into the range a real vocabulary has.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xxhash

VOCABULARY = 151_936
"""One more than the greatest id (the size of Qwen's vocabulary)."""

_PIECE = re.compile(r" ?\w{1,12}| ?[^\w\s]|\s+")
_MEMO_LIMIT = 50_000


class _Ids(dict[str, int]):
    """Ids by piece, filled on demand and emptied when it grows too large."""

    def __missing__(self, piece: str) -> int:
        raw = piece.encode("utf-8", "surrogatepass")
        token = raw[0] if len(raw) == 1 else 256 + xxhash.xxh32_intdigest(raw) % (VOCABULARY - 256)
        if len(self) >= _MEMO_LIMIT:
            self.clear()
        self[piece] = token
        return token


_IDS = _Ids()


def split(text: str) -> list[str]:
    """Return the pieces of a text; joined they are the text."""
    return _PIECE.findall(text)


def ids(pieces: Iterable[str]) -> list[int]:
    """Return the token id of each piece."""
    return [_IDS[piece] for piece in pieces]


def encode(text: str) -> list[int]:
    """Return the token ids of a text."""
    return ids(split(text))


def content_text(content: object) -> str:
    """Return the text of a message's content: a string, or a list of blocks with ``text``.

    Blocks of other kinds (images, audio) count as the word ``<type>``.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = []
    for block in content:
        if isinstance(block, str):
            parts.append(block)
        elif isinstance(block, Mapping):
            text = block.get("text", block.get("content"))
            parts.append(text if isinstance(text, str) else f"<{block.get('type', 'block')}>")
    return "".join(parts)


def chat_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """Lay out messages as one prompt, ending where the assistant speaks (the ChatML form)."""
    turns = [
        f"<|im_start|>{message.get('role', 'user')}\n{content_text(message.get('content'))}"
        "<|im_end|>\n"
        for message in messages
    ]
    return "".join([*turns, "<|im_start|>assistant\n"])
