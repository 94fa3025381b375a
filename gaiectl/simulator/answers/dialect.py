"""What an API offers the server: to read a request, and to write each part of an answer."""

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from gaiectl.simulator.answers.plan import Choice

DONE = b"data: [DONE]\n\n"


class Dialect(Protocol):
    """Writes the answer to one request.

    A stream is ``opening``, then for each choice (in any mixture) ``begin``, ``piece``s and
    ``end``, then ``closing``.
    """

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""

    def opening(self, choices: Sequence[Choice]) -> bytes:
        """Return the events before everything else."""

    def begin(self, choice: Choice) -> bytes:
        """Return the events before a choice's first token."""

    def piece(self, choice: Choice, position: int) -> bytes:
        """Return the event of a choice's token at ``position``."""

    def end(self, choice: Choice) -> bytes:
        """Return the events after a choice's last token."""

    def closing(self, choices: Sequence[Choice]) -> bytes:
        """Return the events that end the stream."""


def data(value: Any) -> bytes:
    """Return a server-sent event without a name."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def event(name: str, value: dict[str, Any]) -> bytes:
    """Return a server-sent event whose name is also the field ``type`` of its data."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **value}))


def usage(choices: Sequence[Choice], n: int) -> dict[str, Any]:
    """Return the token counts of an answer, in OpenAI's form; a prompt of n answers counts once."""
    prompt = sum(len(choice.job.prompt) for choice in choices[::n])
    cached = sum(choice.job.cached_tokens for choice in choices[::n])
    generated = sum(len(choice.shown.pieces) for choice in choices)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
