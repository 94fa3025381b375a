"""Bodies of HTTP answers from pods and gateways, which may be of any size and never end."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


class TooLong(Exception):
    """An answer is larger than it may be, or has not ended in time; says which, as a sentence."""


def whole(answer: "httpx.Response", *, most_bytes: int, seconds: float) -> bytes:
    """Read the body of an answer that is streamed.

    A client's own timeout is for each part of it: one byte a second would never meet that.

    Args:
        answer: of ``httpx.Client.stream``.
        most_bytes: so large it may be.
        seconds: so long it may take, and one timeout of the client more.

    Raises:
        TooLong: it is, or does.
        httpx.HTTPError: it is cut off, or not encoded as it says.
    """
    end, held = time.monotonic() + seconds, bytearray()
    for chunk in answer.iter_bytes():
        held += chunk
        if len(held) > most_bytes:
            raise TooLong(f"answers with more than {most_bytes} bytes")
        if time.monotonic() > end:
            raise TooLong(f"has not answered as a whole after {seconds:g} s")
    return bytes(held)
