"""The response half of a stream: let it pass, and look on.

Chunks pass as they come, whatever their type: nothing is gained by holding a response that is not
streamed. Nothing in them changes but the model's name, if the request was sent on under another.
"""

from collections.abc import Sequence
from functools import lru_cache

from epp.api.plugin import ResponseHead
from epp.api.request import Decision, Request, Usage
from epp.api.tuples import new_tuple
from epp.extproc import replies
from epp.extproc.actions import Action, BodyStarted, ResponseStarted
from epp.extproc.headers import Headers
from epp.extproc.hooks import ResponseHooks
from epp.extproc.messages import (
    EMPTY_METADATA,
    RESPONSE_BODY,
    SHAPE_BYTES,
    BodyMode,
    Malformed,
    shape,
)
from epp.parsing.model_names import ModelNames
from epp.parsing.parser import UsageReader

_CONTINUE_BODY = (replies.CONTINUE_RESPONSE_BODY,)
_STREAM_STARTED = BodyStarted(is_streaming=True)
_BODY_STARTED = BodyStarted(is_streaming=False)
_FULL_DUPLEX = BodyMode.FULL_DUPLEX_STREAMED
_WHOLE = (BodyMode.BUFFERED, BodyMode.BUFFERED_PARTIAL)


class ResponseSide:
    """The state of the response of one stream.

    Args:
        mode: how its body comes.
        hooks: plugins that look at it; None for none.
        reader: finds its token counts; None when they are not looked for.
        renamed: the model's name in the response, and the one that its client knows; None when
            they are the same.

    Attributes:
        status: HTTP status; 0 when it was not seen.
        served: the endpoint that the gateway says has served, ``ip:port``, or empty.
        shows_body: its body comes too.
        size: bytes of the body seen.
        has_begun: some of its body was seen.
        is_duplex: chunks must be sent back, or they are lost.
        is_event_stream: the headers say server-sent events; None when there were no headers.
        is_over: nothing follows.

    Raises (all methods that take a message):
        Malformed: the message does not belong here.
    """

    __slots__ = (
        "_decision",
        "_hooks",
        "_is_whole",
        "_names",
        "_reader",
        "_request",
        "has_begun",
        "is_duplex",
        "is_event_stream",
        "is_over",
        "served",
        "shows_body",
        "size",
        "status",
    )

    def __init__(
        self,
        mode: BodyMode,
        hooks: ResponseHooks | None,
        reader: UsageReader | None,
        renamed: tuple[str, str] | None,
        routed: tuple[Request, Decision] | None,
    ) -> None:
        self.is_duplex = mode is _FULL_DUPLEX
        self.shows_body = mode is not BodyMode.NONE
        self._is_whole = mode in _WHOLE
        self._hooks = hooks
        self._reader = reader
        self._names: ModelNames | None = None
        if renamed is not None:
            target, incoming = renamed
            self._names = ModelNames(target, incoming, holds_back=self.is_duplex)
        self._request: Request | None = None
        self._decision: Decision | None = None
        if routed is not None:
            self._request, self._decision = routed
        self.status = 0
        self.served = ""
        self.size = 0
        self.has_begun = False
        self.is_event_stream: bool | None = None
        self.is_over = False

    @property
    def usage(self) -> Usage | None:
        """Token counts, as far as they were seen."""
        return self._reader.usage if self._reader is not None else None

    def headers(self, headers: Headers, served: str, *, is_last: bool) -> Sequence[Action]:
        """Take the response headers."""
        if self.is_event_stream is not None or self.is_over or self.size:
            raise Malformed("response headers out of order")
        # Upstream's tests send it without the colon.
        status = self.status = _status(headers.get(":status") or headers.get("status") or "")
        self.served = served
        self.is_event_stream = "text/event-stream" in (headers.get("content-type") or "").lower()
        self.is_over = is_last
        reply = replies.RESPONSE_HEADERS
        if self._hooks is not None:
            head = ResponseHead(status, headers, served)
            if entries := self._hooks.began(self._request, self._decision, head):
                reply = replies.response_headers(entries)
        return (reply, new_tuple(ResponseStarted, (status, served)))

    def body(self, body: bytes, *, is_last: bool) -> Sequence[Action]:
        """Take a chunk."""
        if self.is_over:
            raise Malformed("response body out of order")
        self.is_over = is_last
        self.shows_body = True
        self.size += len(body)
        if self._reader is not None:
            self._reader.feed(body)
        answers = self._answers(body, is_last=is_last)
        if is_last and self._hooks is not None:
            metadata = self._hooks.ended(self._request, self.usage)
            answers = (*answers[:-1], answers[-1] + metadata)
        return answers if self.has_begun or not body else self.begun(*answers)

    def begun(self, *answers: bytes) -> Sequence[Action]:
        """Return the answers to the first bytes of the body, and that they are these."""
        self.has_begun = True
        return (_STREAM_STARTED if self.is_event_stream else _BODY_STARTED, *answers)

    def _answers(self, body: bytes, *, is_last: bool) -> Sequence[bytes]:
        names = self._names
        if names is None:
            if self.is_duplex:
                return replies.response_pieces(body, is_last=is_last)
            return _CONTINUE_BODY
        named = names.feed(body, is_last=is_last)
        if self.is_duplex:
            return replies.response_pieces(named, is_last=is_last) if named or is_last else ()
        if named == body:
            return _CONTINUE_BODY
        # Envoy refuses a whole body whose length is not the content-length.
        mutation = replies.content_length(len(named)) if self._is_whole else b""
        return (replies.new_response_chunk(named, mutation),)

    def echo(self, message: bytes) -> bytes | None:
        """Take a serialized chunk in the middle of a duplex body without decoding it.

        Such chunks are nearly all there is in a stream of tokens. None leaves the message to the
        methods that define what is right.
        """
        head, field, start, end = _echo_shape(message[:SHAPE_BYTES])
        spare = len(message) - end
        if (spare and (spare != 2 or not message.endswith(EMPTY_METADATA))) or self.is_over:
            return None
        if self._names is not None:
            return None
        self.size += end - start
        if self._reader is not None:
            self._reader.feed(message[start:end])
        return head + message[field:end]

    def trailers(self) -> Sequence[Action]:
        """Take the trailers."""
        self.is_over = True
        actions: list[Action] = []
        if self._names is not None and (rest := self._names.finish()):
            actions.extend(replies.response_pieces(rest, is_last=False))
        metadata = b""
        if self._hooks is not None:
            metadata = self._hooks.ended(self._request, self.usage)
        actions.append(replies.RESPONSE_TRAILERS + metadata)
        return actions


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
