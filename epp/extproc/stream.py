"""One ext-proc stream, that is one HTTP exchange, as a state machine: bytes in, actions out.

No clock, no I/O, no gRPC. Whatever the peer sends gives actions, never an exception. Streams that
begin with the response are served as well.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from epp.api.errors import Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.api.tuples import new_tuple
from epp.extproc import replies
from epp.extproc.actions import Action, Close, Finished, Refused
from epp.extproc.headers import Headers
from epp.extproc.messages import (
    REQUEST_BODY,
    REQUEST_HEADERS,
    RESPONSE_BODY,
    RESPONSE_HEADERS,
    BodyMode,
    Extras,
    Malformed,
    Protocol,
    decode,
)
from epp.extproc.request_side import Phase, RequestSide
from epp.extproc.response_side import ResponseSide
from epp.extproc.settings import StreamSettings

__all__ = ["GRPC_INVALID_ARGUMENT", "GRPC_OK", "Stream", "StreamSettings"]

GRPC_OK: Final = 0
GRPC_INVALID_ARGUMENT: Final = 3

_ROUTING, _ROUTED = Phase.ROUTING, Phase.ROUTED
_NONE, _STREAMED, _BUFFERED = BodyMode.NONE, BodyMode.STREAMED, BodyMode.BUFFERED
_FULL_DUPLEX = BodyMode.FULL_DUPLEX_STREAMED
_CLOSE = Close(GRPC_OK, "")
# How an exchange ends whose response was not seen, by whether it was to be streamed.
_UNSEEN = {flag: (Finished(Outcome(), 0, flag),) for flag in (False, True)}
_BROKEN = {flag: (Finished(Outcome(0, is_complete=False), 0, flag),) for flag in (False, True)}


@lru_cache
def _assumed(mode: BodyMode) -> Protocol:
    return Protocol(mode, mode)


def _overrides(*, sends_response_headers: bool) -> list[list[tuple[Protocol, bytes]]]:
    """Return protocols, and the overrides that make them so, by request and response body mode."""
    return [
        [
            (
                Protocol(request, response),
                replies.mode_override(
                    request, response, sends_response_headers=sends_response_headers
                ),
            )
            for response in BodyMode
        ]
        for request in BodyMode
    ]


_WITH_HEADERS = _overrides(sends_response_headers=True)
_WITHOUT_HEADERS = _overrides(sends_response_headers=False)


def _ignore(_: bytes) -> Sequence[Action]:
    """Take a message that comes after the end."""
    return ()


class Stream:
    """The state of one stream.

    Every method returns what is to be done, in order. After ``Close`` nothing more comes, save that
    a decision arriving late still gives the ``Finished`` that belongs to it.

    Attributes:
        receive: takes one serialized ProcessingRequest. A response in full duplex has its chunks
            echoed by a method of its own, and after the end nothing is heard.
    """

    __slots__ = (
        "_body_mode",
        "_is_finished",
        "_protocol",
        "_request",
        "_response",
        "_routed",
        "_settings",
        "receive",
    )

    def __init__(self, settings: StreamSettings) -> None:
        self.receive: Callable[[bytes], Sequence[Action]] = self._receive
        self._settings = settings
        self._protocol = _assumed(settings.assumed_mode)
        self._body_mode = self._protocol.response_body
        self._request: RequestSide | None = None
        self._response: ResponseSide | None = None
        self._routed: tuple[Request, Decision] | None = None
        self._is_finished = False

    @property
    def is_idle(self) -> bool:
        """Whether Envoy can go on without us: answered, and no byte of a body is held here.

        Ending the gRPC stream with OK then loses nothing but the view of the response.
        """
        request, response = self._request, self._response
        if request is None or request.phase is not _ROUTED or not request.is_over:
            return False
        return response is None or not response.is_duplex

    def half_closed(self) -> Sequence[Action]:
        """Envoy has nothing more to say: the exchange is over, or the client left.

        Of responses that are not shown to us this is the only sign of their end.
        """
        if self.receive is _ignore:
            return ()
        self._stop_hearing()
        return (*self._finish(is_complete=True), _CLOSE)

    def aborted(self) -> Sequence[Action]:
        """Tell that the stream was reset, or the connection lost; nothing can be sent any more.

        Where Envoy shows a response's headers and not its body, a reset is how it says that the
        exchange is over (seen with Envoy 1.40).
        """
        if self.receive is _ignore:
            return ()
        self._stop_hearing()
        response = self._response
        return self._finish(is_complete=response is not None and not response.shows_body)

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
                Refused(refusal, None),
                *finished,
                *([] if self.receive is _ignore else self._refuse(refusal)),
            )
        if self.receive is _ignore:
            return self._finish(is_complete=False)
        if self._settings.hooks is not None:
            self._routed = request, decision
        if self._response is None:
            return actions
        # A reply of Envoy's own overtook the decision: the request side is over.
        return self._finish(is_complete=True) if self._response.is_over else ()

    def refused(self, refusal: Refusal) -> Sequence[Action]:
        """Answer a ``Route`` or ``RouteAny``: the request goes nowhere."""
        if self.receive is _ignore or self._request is None or self._request.phase is not _ROUTING:
            return ()
        return self._refuse(refusal)

    def revoked(self, refusal: Refusal) -> Sequence[Action]:
        """End an exchange that was routed before: the client gets this answer.

        If its response has begun, Envoy resets it instead. Nothing happens if it is over.
        """
        request = self._request
        if self.receive is _ignore or request is None or request.phase is not _ROUTED:
            return ()
        self._stop_hearing()
        immediate = replies.immediate(self._settings.wording.of(refusal))
        return (*self._finish(is_complete=False), immediate, _CLOSE)

    def _receive(self, message: bytes) -> Sequence[Action]:
        try:
            kind, headers, body, is_last, extras = decode(message)
            if kind & 1:
                return self._take_response(kind, headers, body, extras, is_last=is_last)
            request = self._request
            if request is None or extras is not None:
                request = self._begin_request(extras)
            if kind == REQUEST_BODY:
                return request.body(body, is_last=is_last)
            if kind == REQUEST_HEADERS:
                return request.headers(headers, message, is_last=is_last)
            return request.trailers()
        except Refusal as refusal:
            known = self._request.unread() if self._request is not None else None
            return (Refused(refusal, known), *self._refuse(refusal))
        except Malformed as error:
            self._stop_hearing()
            return (*self._finish(is_complete=False), Close(GRPC_INVALID_ARGUMENT, str(error)))

    def _receive_duplex(self, message: bytes) -> Sequence[Action]:
        response = self._response
        if response is not None and (echo := response.echo(message)) is not None:
            if response.has_begun:
                return (echo,)
            return response.begun(echo)
        return self._receive(message)

    def _begin_request(self, extras: Extras | None) -> RequestSide:
        """Return the request's side, and note what the gateway says of it."""
        side = self._request
        if side is None:
            if self._response:
                raise Malformed("a request after its response")
            if extras is not None and extras.protocol is not None:
                self._protocol = extras.protocol
            settings = self._settings
            protocol, override = self._protocol, b""
            if settings.allow_mode_override or settings.observation.wants_headers:
                protocol, override = self._negotiate()
            self._body_mode = protocol.response_body
            side = self._request = RequestSide(settings, protocol, override)
        metadata = extras.metadata if extras is not None else None
        if metadata is not None and metadata.subset is not None:
            side.subset = None if self._settings.disable_subset_filter else metadata.subset
        return side

    def _negotiate(self) -> tuple[Protocol, bytes]:
        """Return the protocol of this stream and the ``mode_override`` that makes it so.

        Nothing here relies on the response's side of it: a filter that does not allow overrides
        shows of the response what it would have shown.
        """
        settings, protocol = self._settings, self._protocol
        if protocol.is_eager:
            return protocol, b""
        request, response = protocol.request_body, protocol.response_body
        if request is _FULL_DUPLEX or response is _FULL_DUPLEX:
            return protocol, b""
        if request is _STREAMED and settings.allow_mode_override:
            request = _BUFFERED
        observation = settings.observation
        if observation.wants_headers:
            # A body that comes in one piece is somebody's wish.
            if response is _NONE or response is _STREAMED:
                response = _STREAMED if observation.wants_body() else _NONE
            return _WITH_HEADERS[request][response]
        if request is protocol.request_body:
            return protocol, b""
        return _WITHOUT_HEADERS[request][response]

    def _take_response(
        self, kind: int, headers: Headers, body: bytes, extras: Extras | None, *, is_last: bool
    ) -> Sequence[Action]:
        side = self._response
        if side is None:
            side = self._begin_response(extras)
        if kind == RESPONSE_BODY:
            actions = side.body(body, is_last=is_last)
        elif kind == RESPONSE_HEADERS:
            served = extras.metadata.served if extras and extras.metadata else ""
            actions = side.headers(headers, served, is_last=is_last)
        else:
            actions = side.trailers()
        return (*actions, *self._finish(is_complete=True)) if side.is_over else actions

    def _begin_response(self, extras: Extras | None) -> ResponseSide:
        if extras is not None and extras.protocol is not None and self._request is None:
            self._protocol = extras.protocol
            self._body_mode = extras.protocol.response_body
        settings, request = self._settings, self._request
        make = settings.parsers.default_reader if request is None else request.reader
        side = self._response = ResponseSide(
            self._body_mode,
            settings.hooks,
            make() if make is not None and not settings.observation.is_off else None,
            request.renamed if request is not None else None,
            self._routed,
        )
        if side.is_duplex:
            self.receive = self._receive_duplex
        return side

    def _refuse(self, refusal: Refusal) -> Sequence[Action]:
        self._stop_hearing()
        if self._response:
            return (_CLOSE,)
        return (replies.immediate(self._settings.wording.of(refusal)), _CLOSE)

    def _stop_hearing(self) -> None:
        self.receive = _ignore
        request = self._request
        if request is not None and request.held:
            request.release()

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
            return (_UNSEEN if is_complete else _BROKEN)[is_streaming]
        if response.is_event_stream is not None:
            is_streaming = response.is_event_stream
        outcome = new_tuple(
            Outcome, (response.status, is_complete, response.usage, response.served, 0.0, 0.0, 0.0)
        )
        return (new_tuple(Finished, (outcome, response.size, is_streaming)),)
