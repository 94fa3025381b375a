"""The response half of a stream: let it pass, and look on.

Chunks pass as they come, whatever their type: nothing here changes them, so that nothing would be
gained by holding a response that is not streamed.
"""

from collections.abc import Mapping, Sequence

from epp.api.request import Usage
from epp.extproc import replies
from epp.extproc.actions import Action, Reply, ResponseStarted
from epp.extproc.messages import BodyMode, Malformed, Message
from epp.parsing.usage import UsageScanner

_HEADERS = Reply(replies.RESPONSE_HEADERS)
_CONTINUE_BODY = Reply(replies.CONTINUE_RESPONSE_BODY)
_TRAILERS = Reply(replies.RESPONSE_TRAILERS)


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

    __slots__ = ("_scanner", "is_duplex", "is_event_stream", "is_over", "size", "status")

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

    def headers(self, message: Message) -> Sequence[Action]:
        """Take the response headers."""
        if self.is_event_stream is not None or self.is_over or self.size:
            raise Malformed("response headers out of order")
        headers = message.headers
        self.status = _status(headers)
        self.is_event_stream = "text/event-stream" in (headers.get("content-type") or "").lower()
        self.is_over = message.is_last
        served = message.metadata.served if message.metadata else ""
        return (_HEADERS, ResponseStarted(self.status, served))

    def body(self, message: Message) -> Sequence[Action]:
        """Take a chunk."""
        if self.is_over:
            raise Malformed("response body out of order")
        body = message.body
        self.is_over = message.is_last
        self.size += len(body)
        if self._scanner:
            self._scanner.feed(body)
        if self.is_duplex:
            pieces = replies.response_pieces(body, is_last=self.is_over)
            return [Reply(piece) for piece in pieces]
        return (_CONTINUE_BODY,)

    def echo(self, message: bytes) -> Sequence[Action] | None:
        """Take a serialized chunk in the middle of a duplex body without decoding it.

        None leaves it to ``body``: it is the last one, large, or of an unusual form. Such chunks
        are nearly all there is in a stream of tokens.
        """
        # response_body (5), then HttpBody with body (1) and nothing else, sizes below 16 KiB.
        start, size = _field(message, 0, 0x2A)
        chunk = message[start : start + size]
        at, length = _field(chunk, 0, 0x0A)
        if not length or at + length != size or self.is_over:
            return None
        self.size += length
        if self._scanner:
            self._scanner.feed(chunk[at:])
        return (Reply(replies.echo_head(size) + chunk),)

    def trailers(self) -> Sequence[Action]:
        """Take the trailers."""
        self.is_over = True
        return (_TRAILERS,)


def _field(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Return where the payload of a length-delimited field begins, and its size; 0 if not there."""
    head = data[at : at + 3]
    if len(head) < 3 or head[0] != tag:
        return at, 0
    if head[1] < 0x80:
        return at + 2, head[1]
    if head[2] < 0x80:
        return at + 3, head[1] & 0x7F | head[2] << 7
    return at, 0


def _status(headers: Mapping[str, str]) -> int:
    """Read the status; upstream's tests send it without the colon."""
    text = headers.get(":status") or headers.get("status") or ""
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else 0
