"""Server-sent events, read strictly: what a client library would stumble over is an error."""

import json
from typing import Any

END = "[DONE]"


class Malformed(Exception):
    """The bytes are no stream of events as OpenAI's API promises it; the message says why."""


def events(body: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects of a whole stream that ends with ``data: [DONE]``.

    An event is one or more ``data:`` lines and ends with an empty line; comments and the fields
    ``event``, ``id`` and ``retry`` are let pass (HTML Living Standard, 9.2).

    Raises:
        Malformed: it is not UTF-8, has other lines, does not end properly, or an event is not a
            JSON object.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not UTF-8 ({error})") from error
    found: list[dict[str, Any]] = []
    lines: list[str] = []
    is_ended = False
    *whole, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in whole:
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif line:
            name = line.partition(":")[0]
            if name not in {"", "event", "id", "retry"}:
                raise Malformed(f"a line is not part of an event: {line[:80]!r}")
        elif lines:
            data, lines = "\n".join(lines), []
            if is_ended:
                raise Malformed(f"something comes after {END}: {data[:80]!r}")
            is_ended = data == END
            if not is_ended:
                found.append(_object(data))
    if lines or rest:
        raise Malformed("the last event is not ended by an empty line")
    if not is_ended:
        raise Malformed(f"it does not end with {END}")
    return found


def _object(data: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise Malformed(f"an event is not JSON ({error}): {data[:80]!r}") from error
    if not isinstance(value, dict):
        raise Malformed(f"an event is not a JSON object: {data[:80]!r}")
    return value
