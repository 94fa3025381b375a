"""One ext-proc stream, that is one HTTP exchange, as a state machine: bytes in, actions out.

No clock, no I/O, no gRPC. Whatever the peer sends gives actions, never an exception. Streams that
begin with the response are served as well.
"""

from collections.abc import Sequence
from typing import Final

from epp.api.errors import Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.extproc import replies
from epp.extproc.actions import Action, Close, Finished, Refused, Reply
from epp.extproc.messages import BodyMode, Malformed, Message, Protocol, decode
from epp.extproc.request_side import Phase, RequestSide
from epp.extproc.response_side import ResponseSide
from epp.extproc.settings import StreamSettings

__all__ = ["GRPC_INVALID_ARGUMENT", "GRPC_OK", "Stream", "StreamSettings"]

GRPC_OK: Final = 0
GRPC_INVALID_ARGUMENT: Final = 3

_ROUTING, _ROUTED = Phase.ROUTING, Phase.ROUTED
_CLOSE = Close(GRPC_OK, "")


class Stream:
    """The state of one stream.

    Every method returns what is to be done, in order. After ``Close`` nothing more comes, save that
    a decision arriving late still gives the ``Finished`` that belongs to it.
    """

    __slots__ = ("_is_closed", "_is_finished", "_protocol", "_request", "_response", "_settings")

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._protocol = Protocol(settings.assumed_mode, settings.assumed_mode)
        self._request: RequestSide | None = None
        self._response: ResponseSide | None = None
        self._is_finished = False
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether Envoy can go on without us: answered, and no byte of a body is held here.

        Ending the gRPC stream with OK then loses nothing but the view of the response.
        """
        request, response = self._request, self._response
        if request is None or request.phase is not _ROUTED or not request.is_over:
            return False
        return response is None or not response.is_duplex

    def receive(self, message: bytes) -> Sequence[Action]:
        """Take one serialized ProcessingRequest."""
        if self._is_closed:
            return ()
        response = self._response
        if response is not None and response.is_duplex:
            echo = response.echo(message)
            if echo is not None:
                return echo
        try:
            return self._take(decode(message))
        except Refusal as refusal:
            return (Refused(refusal), *self._refuse(refusal))
        except Malformed as error:
            self._is_closed = True
            return (*self._finish(is_complete=False), Close(GRPC_INVALID_ARGUMENT, str(error)))

    def half_closed(self) -> Sequence[Action]:
        """Envoy has nothing more to say: the exchange is over, or the client left.

        Of responses that are not shown to us this is the only sign of their end.
        """
        if self._is_closed:
            return ()
        self._is_closed = True
        return (*self._finish(is_complete=True), _CLOSE)

    def aborted(self) -> Sequence[Action]:
        """Tell that the stream was reset, or the connection lost; nothing can be sent any more."""
        if self._is_closed:
            return ()
        self._is_closed = True
        return self._finish(is_complete=False)

    def decided(self, decision: Decision, request: Request) -> Sequence[Action]:
        """Answer a ``Route`` or ``RouteAny``: the request goes there.

        ``request.target_model`` is written into the body if it is not what the client asked for;
        ``request.size`` then is the new size. ``request.prompt`` is emptied, to free the body.
        """
        side = self._request
        if side is None or side.phase is not _ROUTING:
            return ()
        try:
            actions = side.answer(decision, request)
        except Refusal as refusal:
            finished = self._finish(is_complete=False)
            return (
                Refused(refusal),
                *finished,
                *([] if self._is_closed else self._refuse(refusal)),
            )
        if self._is_closed:
            return self._finish(is_complete=False)
        if self._response is None:
            return actions
        # A reply of Envoy's own overtook the decision: the request side is over.
        return self._finish(is_complete=True) if self._response.is_over else ()

    def refused(self, refusal: Refusal) -> Sequence[Action]:
        """Answer a ``Route`` or ``RouteAny``: the request goes nowhere."""
        if self._is_closed or self._request is None or self._request.phase is not _ROUTING:
            return ()
        return self._refuse(refusal)

    def _take(self, message: Message) -> Sequence[Action]:
        kind = message.kind
        if message.protocol and not self._request and not self._response:
            self._protocol = message.protocol
        if kind == "request_headers":
            return self._side(message).headers(message)
        if kind == "request_body":
            return self._side(message).body(message)
        if kind == "request_trailers":
            return self._side(message).trailers()
        return self._take_response(message)

    def _side(self, message: Message) -> RequestSide:
        side = self._request
        if side is None:
            if self._response:
                raise Malformed("a request after its response")
            side = self._request = RequestSide(self._settings, *self._negotiate())
        if message.metadata and message.metadata.subset is not None:
            side.subset = None if self._settings.disable_subset_filter else message.metadata.subset
        return side

    def _negotiate(self) -> tuple[Protocol, bytes]:
        """Return the protocol of this stream and the ``mode_override`` that makes it so."""
        settings, protocol = self._settings, self._protocol
        if not settings.allow_mode_override or protocol.is_eager:
            return protocol, b""
        request, response = protocol.request_body, protocol.response_body
        if BodyMode.FULL_DUPLEX_STREAMED in (request, response):
            return protocol, b""
        if request is BodyMode.STREAMED:
            request = BodyMode.BUFFERED
        if settings.wants_response:
            response = BodyMode.STREAMED if settings.observe_usage else BodyMode.NONE
        elif request is protocol.request_body:
            return protocol, b""
        self._protocol = Protocol(request, response)
        override = replies.mode_override(
            request, response, sends_response_headers=settings.wants_response
        )
        return self._protocol, override

    def _take_response(self, message: Message) -> Sequence[Action]:
        side = self._response
        if side is None:
            side = self._response = ResponseSide(
                self._protocol.response_body, observe_usage=self._settings.observe_usage
            )
        if message.kind == "response_body":
            actions = side.body(message)
        elif message.kind == "response_headers":
            actions = side.headers(message)
        else:
            actions = side.trailers()
        return (*actions, *self._finish(is_complete=True)) if side.is_over else actions

    def _refuse(self, refusal: Refusal) -> Sequence[Action]:
        self._is_closed = True
        if self._response:
            return (_CLOSE,)
        return (Reply(replies.immediate(refusal)), _CLOSE)

    def _finish(self, *, is_complete: bool) -> Sequence[Action]:
        """Return ``Finished`` when there is something to finish that was not finished before.

        While the director is asked nobody knows whether there will be; then the decision tells.
        """
        request, response = self._request, self._response
        if self._is_finished or (request and request.phase is _ROUTING):
            return ()
        if not response and not (request and request.phase is _ROUTED):
            return ()
        self._is_finished = True
        is_streaming = request.is_streaming if request else False
        if not response:
            return (Finished(Outcome(0, is_complete), None, 0, is_streaming),)
        if response.is_event_stream is not None:
            is_streaming = response.is_event_stream
        outcome = Outcome(response.status, is_complete)
        return (Finished(outcome, response.usage, response.size, is_streaming),)
