"""The response half of a stream: let it pass, and look on.

Chunks pass as they come, whatever their type: nothing here changes them, so that nothing would be
gained by holding a response that is not streamed.
"""

from collections.abc import Sequence
from functools import lru_cache

from epp.api.request import Usage
from epp.extproc import replies
from epp.extproc.actions import Action, ResponseStarted
from epp.extproc.headers import Headers
from epp.extproc.messages import (
    EMPTY_METADATA,
    RESPONSE_BODY,
    SHAPE_BYTES,
    BodyMode,
    Malformed,
    shape,
)
from epp.parsing.usage import UsageScanner

_CONTINUE_BODY = (replies.CONTINUE_RESPONSE_BODY,)
_TRAILERS = (replies.RESPONSE_TRAILERS,)


class ResponseSide:
    """The state of the response of one stream.

    Attributes:
        status: HTTP status; 0 when it was not seen.
        size: bytes of the body seen.
        is_duplex: chunks must be sent back, or they are lost.
        is_event_stream: the headers say server-sent events; None when there were no headers.
        is_over: nothing follows.

    Raises (all methods that take a message):
        Malformed: the message does not belong here.
    """

    __slots__ = (
        "_scanner",
        "is_duplex",
        "is_event_stream",
        "is_over",
        "size",
        "status",
    )

    def __init__(self, mode: BodyMode, *, observe_usage: bool) -> None:
        self.is_duplex = mode is BodyMode.FULL_DUPLEX_STREAMED
        self._scanner = UsageScanner() if observe_usage else None
        self.status = 0
        self.size = 0
        self.is_event_stream: bool | None = None
        self.is_over = False

    @property
    def usage(self) -> Usage | None:
        """Token counts, as far as they were seen."""
        return self._scanner.usage if self._scanner else None

    def headers(self, headers: Headers, served: str, *, is_last: bool) -> Sequence[Action]:
        """Take the response headers."""
        if self.is_event_stream is not None or self.is_over or self.size:
            raise Malformed("response headers out of order")
        # Upstream's tests send it without the colon.
        self.status = _status(headers.get(":status") or headers.get("status") or "")
        self.is_event_stream = "text/event-stream" in (headers.get("content-type") or "").lower()
        self.is_over = is_last
        return (replies.RESPONSE_HEADERS, ResponseStarted(self.status, served))

    def body(self, body: bytes, *, is_last: bool) -> Sequence[Action]:
        """Take a chunk."""
        if self.is_over:
            raise Malformed("response body out of order")
        self.is_over = is_last
        self.size += len(body)
        if self._scanner:
            self._scanner.feed(body)
        if self.is_duplex:
            return replies.response_pieces(body, is_last=is_last)
        return _CONTINUE_BODY

    def echo(self, message: bytes) -> bytes | None:
        """Take a serialized chunk in the middle of a duplex body without decoding it.

        Such chunks are nearly all there is in a stream of tokens. None leaves the message to the
        methods that define what is right.
        """
        head, field, start, end = _echo_shape(message[:SHAPE_BYTES])
        spare = len(message) - end
        if (spare and (spare != 2 or not message.endswith(EMPTY_METADATA))) or self.is_over:
            return None
        self.size += end - start
        if self._scanner is not None:
            self._scanner.feed(message[start:end])
        return head + message[field:end]

    def trailers(self) -> Sequence[Action]:
        """Take the trailers."""
        self.is_over = True
        return _TRAILERS


@lru_cache(4096)
def _echo_shape(head: bytes) -> tuple[bytes, int, int, int]:
    """Return how a message that begins so is echoed.

    Returns:
        What to put before its field, and where that, its content and the end of both are; an end
        that suits no message if there is more to it.
    """
    kind, start, end, left = shape(head)
    if kind != RESPONSE_BODY or left or start == end or end > replies.PIECE_BYTES:
        return b"", 0, 0, -3
    field = 2 if head[1] < 0x80 else 3 if head[2] < 0x80 else 4
    return replies.echo_head(end - field), field, start, end


@lru_cache(1024)
def _status(text: str) -> int:
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else 0
