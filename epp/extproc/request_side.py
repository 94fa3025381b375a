"""The request half of a stream: collect the body, ask for a route, answer.

What can be done depends on how Envoy hands over the request body:

- BUFFERED, BUFFERED_PARTIAL: the headers are answered at once, for Envoy sends no body before. The
  answer to the body names the destination. A partial body that cannot be read is routed by its
  headers alone.
- FULL_DUPLEX_STREAMED: nothing is answered before the whole body is there; then the headers with
  the destination, the body in pieces (the same bytes unless the model changes), the trailers.
- STREAMED: once the headers are answered no later answer can change them, so the destination must
  be in the answer to the headers. If the filter allows it, the mode is overridden to BUFFERED. If
  Envoy sends the body without waiting for that answer, chunks are held, unanswered, until the end
  of the body or ``MAX_HELD_BYTES`` (Envoy stops sending at a buffer limit of its own, and then the
  end would never come). Otherwise the request is routed by its headers alone and its body passes
  as it is.
- NONE, and requests without a body: routed by the headers alone.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Final, NoReturn

from epp.api.errors import Code, Refusal
from epp.api.request import DEFAULT_FAIRNESS_ID, NO_PROMPT, Decision, Request
from epp.api.tuples import new_tuple
from epp.extproc import replies
from epp.extproc.actions import Action, Route, RouteAny
from epp.extproc.headers import Headers
from epp.extproc.messages import NO_HEADERS, BodyMode, Malformed, Protocol
from epp.extproc.settings import StreamSettings
from epp.parsing.go_text import as_go_reads
from epp.parsing.models import rewrite_model
from epp.parsing.parser import UNREADABLE, MakeReader, Parsed

MAX_HELD_BYTES: Final = 16 * 1024

_REQUEST_ID = "x-request-id"
_FAIRNESS_ID = ("x-llm-d-inference-fairness-id", "x-gateway-inference-fairness-id")
_OBJECTIVE = ("x-llm-d-inference-objective", "x-gateway-inference-objective")
_MODEL_REWRITE = ("x-llm-d-model-name-rewrite", "x-gateway-model-name-rewrite")

CONTROL_HEADERS: Final = frozenset(
    (
        *_FAIRNESS_ID,
        *_OBJECTIVE,
        *_MODEL_REWRITE,
        "x-gateway-destination-endpoint-subset",
        "x-gateway-destination-endpoint-served",
        "x-gateway-inference-explain",
    )
)
"""Meant for us, not for the model server: removed from the request. What a client writes into
``x-gateway-destination-endpoint`` is overwritten by the destination."""

_CONTINUE_HEADERS = (replies.CONTINUE_REQUEST_HEADERS,)
_CONTINUE_BODY = (replies.CONTINUE_REQUEST_BODY,)
_TRAILERS = (replies.REQUEST_TRAILERS,)


class Phase(Enum):
    """How far a request is."""

    START = auto()
    """Nothing of it was seen."""
    READING = auto()
    """Its body is coming."""
    ROUTING = auto()
    """The director was asked."""
    ROUTED = auto()
    """It was answered."""


# An enum's member costs a slow look-up each time on Python 3.11.
_START, _READING, _ROUTING, _ROUTED = Phase
_NONE, _STREAMED, _BUFFERED, _BUFFERED_PARTIAL, _FULL_DUPLEX = BodyMode
_WHOLE = (_BUFFERED, _BUFFERED_PARTIAL)


class RequestSide:
    """The state of the request of one stream.

    Its methods take what Envoy sends and return what is to be done.

    Attributes:
        phase: how far it is.
        held: bytes of its body that are held.
        is_over: nothing of the request follows.
        is_streaming: the client asked for a stream.
        subset: candidate addresses that the gateway dictates; None for all.
        reader: makes what finds token counts in the response; None when these are not looked for.
        renamed: the target model and the incoming one, if the body names another than was asked
            for.

    Raises (all methods that take a message):
        Refusal: the request is answered here.
        Malformed: the message does not belong here.
    """

    __slots__ = (
        "_are_headers_answered",
        "_chunks",
        "_has_control_headers",
        "_has_trailers",
        "_headers",
        "_id",
        "_is_eager",
        "_is_replaced",
        "_mode",
        "_mutation",
        "_override",
        "_parsed",
        "_settings",
        "_size",
        "_unanswered",
        "held",
        "is_over",
        "is_streaming",
        "phase",
        "reader",
        "renamed",
        "subset",
    )

    def __init__(self, settings: StreamSettings, protocol: Protocol, override: bytes) -> None:
        self._settings = settings
        self._mode = protocol.request_body
        self._is_eager = protocol.is_eager
        self._override = override
        self._headers = NO_HEADERS
        self._id = ""
        self._has_control_headers = False
        self._mutation = b""
        self._are_headers_answered = False
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_replaced = False
        self.held = 0
        self._unanswered = 0
        self.is_over = False
        self._has_trailers = False
        self._parsed: Parsed | None = None
        self.phase = _START
        self.subset: tuple[str, ...] | None = None
        self.is_streaming = False
        self.reader: MakeReader | None = settings.parsers.default_reader
        self.renamed: tuple[str, str] | None = None

    def release(self) -> None:
        """Hold nothing of the body any more: it was passed on, or nobody waits for it."""
        self._settings.bodies.held -= self.held
        self.held = 0
        self._chunks = []

    def headers(self, headers: Headers, message: bytes, *, is_last: bool) -> Sequence[Action]:
        """Take the request headers; ``message`` is the one that they came in."""
        if self.phase is not _START:
            raise Malformed("request headers out of order")
        self._headers = headers
        request_id = self._id = headers.get(_REQUEST_ID) or ""
        if not request_id or b"x-gateway-" in message or b"x-llm-d-" in message:
            self._change_headers()
        mode = self._mode
        self.is_over = is_last
        if is_last or mode is _NONE:
            return self._route_any()
        if mode is _STREAMED and not self._is_eager:
            return self._route_any()
        self.phase = _READING
        if mode is _STREAMED:
            return ()
        if mode is not _BUFFERED_PARTIAL:
            length = headers.get("content-length") or ""
            if length.isdecimal() and len(length) < 20:
                size = int(length)
                if size > self._settings.max_body_bytes:
                    self._refuse_size(size)
        if mode is _FULL_DUPLEX:
            return ()
        self._are_headers_answered = True
        if self._mutation:
            return (replies.request_headers(self._mutation, self._override),)
        return (replies.continue_with(self._override),) if self._override else _CONTINUE_HEADERS

    def body(self, body: bytes, *, is_last: bool) -> Sequence[Action]:
        """Take a chunk of the body, or all of it."""
        mode = self._mode
        phase = self.phase
        if phase is _START and mode is not _STREAMED:
            # Headers that were not sent cannot be changed, so this will not be routed; but it is
            # read, for what is wrong with the body is the client's to know.
            phase = self.phase = _READING
        if self.is_over or mode is _NONE or phase is _START:
            raise Malformed("request body out of order")
        self.is_over = is_last
        if phase is _READING:
            chunks = self._chunks
            size = len(body)
            self._size += size
            self.held += size
            bodies = self._settings.bodies
            bodies.held += size
            if bodies.held > bodies.limit:
                raise bodies.refusal()
            if mode in _WHOLE:
                if self._size > self._settings.max_body_bytes:
                    self._refuse_size(self._size)
                return self._route(body)
            if body or not chunks:
                chunks.append(body)
            if mode is _STREAMED:
                self._unanswered += 1
                if self._size > MAX_HELD_BYTES and not is_last:
                    return self._route_any()
            if self._size > self._settings.max_body_bytes:
                self._refuse_size(self._size)
            return self._route(b"".join(chunks)) if is_last else ()
        if mode is not _STREAMED:
            raise Malformed("request body after its end")
        if phase is _ROUTED:
            return _CONTINUE_BODY
        self._unanswered += 1
        return ()

    def trailers(self) -> Sequence[Action]:
        """Take the trailers, which also end a body that has not said so."""
        if self._has_trailers or self.phase is _START:
            raise Malformed("request trailers out of order")
        self._has_trailers = self.is_over = True
        if self.phase is _READING:
            if self._mode in _WHOLE:
                raise Refusal(Code.BAD_REQUEST, "request trailers without a body")
            return self._route(b"".join(self._chunks))
        return _TRAILERS if self.phase is _ROUTED else ()

    def unread(self) -> Request | None:
        """Return what is known of a request whose body could not be read; None without headers."""
        return Request(id=self._id, headers=self._headers) if self._id else None

    def answer(self, decision: Decision, request: Request) -> Sequence[Action]:
        """Tell Envoy where the request goes."""
        self.phase = _ROUTED
        endpoints = decision.endpoints
        destination = (
            endpoints[0].host_port
            if len(endpoints) == 1
            else ",".join([endpoint.host_port for endpoint in endpoints])
        )
        if decision.destinations:
            destination = ",".join(decision.destinations)
        extra = _header_changes(decision)
        metadata = b""
        if decision.scores:
            metadata = replies.scored_metadata(destination, decision.scores)
        new_body = self._new_body(request)
        chunks, self._chunks = self._chunks, []
        self.release()
        if self._are_headers_answered:
            reply = (
                replies.routed_body(destination, extra, metadata)
                if new_body is None
                else replies.routed_new_body(destination, new_body, extra, metadata)
            )
            return (reply, *_TRAILERS) if self._has_trailers else (reply,)
        actions: list[Action] = []
        if self._mode is _FULL_DUPLEX:
            body = b"".join(chunks) if new_body is None else new_body
            # Not known to Envoy, which therefore has removed it.
            length = 0 if self._has_trailers else len(body)
            if self._mutation or self._override or extra or metadata:
                mutation = (
                    self._mutation + extra + (replies.content_length(length) if length else b"")
                )
                headers = replies.routed_headers(destination, mutation, self._override, metadata)
            else:
                headers = replies.routed_headers_of(destination, length)
            actions.append(headers)
            if body or (chunks and not self._has_trailers):
                actions.extend(replies.request_pieces(body, is_last=not self._has_trailers))
        else:
            mutation = self._mutation + extra
            actions.append(replies.routed_headers(destination, mutation, self._override, metadata))
            actions.extend(self._chunk_answers(new_body))
        if self._has_trailers:
            actions.extend(_TRAILERS)
        return actions

    def _change_headers(self) -> None:
        entries = []
        if not self._id:
            self._id = self._settings.new_request_id()
            entries.append(replies.set_header(_REQUEST_ID, self._id))
        present = CONTROL_HEADERS.intersection(self._headers)
        entries.extend(replies.remove_header(name) for name in sorted(present))
        self._has_control_headers = bool(present)
        self._mutation = b"".join(entries)

    def _need_headers(self) -> None:
        if not self._id:
            raise Malformed("no request headers were sent: request_header_mode must be SEND")

    def _refuse_size(self, size: int) -> NoReturn:
        limit = self._settings.max_body_bytes
        raise Refusal(
            Code.PAYLOAD_TOO_LARGE,
            f"the request body has {size} bytes or more, the limit is {limit} bytes",
        )

    def _route(self, body: bytes) -> Sequence[Action]:
        if not body:
            return self._route_any()
        try:
            parsed = self._settings.parsers.parse(body, self._headers)
        except Refusal as refusal:
            if self._mode is _BUFFERED_PARTIAL and not self.is_over:
                return self._route_any()
            replaced = as_go_reads(body) if refusal.message == UNREADABLE else None
            if replaced is None:
                raise
            parsed = self._settings.parsers.parse(replaced, self._headers)
            body, self._size, self._is_replaced = replaced, len(replaced), True
        if not self._id:
            self._need_headers()
        self._chunks = [body]
        self._parsed = parsed
        self.phase = _ROUTING
        model, prompt, salt, is_streaming, tree, self.reader = parsed
        self.is_streaming = is_streaming
        request = Request(
            id=self._id,
            headers=self._headers,
            model=model,
            target_model=model,
            prompt=prompt,
            cache_salt=salt,
            size=self._size,
            is_streaming=is_streaming,
            subset=self.subset,
            body=tree,
        )
        if self._has_control_headers:
            self._apply_control_headers(request)
        return (new_tuple(Route, (request,)),)

    def _route_any(self) -> Sequence[Action]:
        self._need_headers()
        self.phase = _ROUTING
        request = Request(id=self._id, headers=self._headers, size=self._size, subset=self.subset)
        if self._has_control_headers:
            self._apply_control_headers(request)
        return (RouteAny(request),)

    def _apply_control_headers(self, request: Request) -> None:
        request.objective = self._first(_OBJECTIVE)
        request.fairness_id = self._first(_FAIRNESS_ID) or DEFAULT_FAIRNESS_ID
        if self._parsed is not None:
            request.target_model = self._first(_MODEL_REWRITE) or request.model

    def _first(self, names: Sequence[str]) -> str:
        return next((self._headers[name] for name in names if self._headers.get(name)), "")

    def _new_body(self, request: Request) -> bytes | None:
        """Return the body to send on, or None if it is what came: the model may be another."""
        parsed, self._parsed = self._parsed, None
        # The decoded body would live as long as the response otherwise.
        request.prompt, request.body = NO_PROMPT, None
        if parsed is None or request.target_model == parsed.model or parsed.tree is None:
            return self._chunks[0] if self._is_replaced and self._chunks else None
        if not self._chunks:  # released: the exchange ended before the decision came
            return None
        body = rewrite_model(self._chunks[0], parsed.tree, request.target_model)
        request.size = len(body)
        if parsed.model and request.target_model:
            self.renamed = (request.target_model, parsed.model)
        return body

    def _chunk_answers(self, new_body: bytes | None) -> Iterator[bytes]:
        """Yield the answers to chunks held back; a new body takes the place of the first."""
        for index in range(self._unanswered):
            if new_body is None:
                yield replies.CONTINUE_REQUEST_BODY
            else:
                yield replies.new_chunk(b"" if index else new_body)


def _header_changes(decision: Decision) -> bytes:
    """Return the entries of a HeaderMutation that a decision brings beside the destination."""
    if not decision.headers and not decision.removed_headers:
        return b""
    return b"".join(
        (
            *[replies.set_header(name, value) for name, value in decision.headers],
            *[replies.remove_header(name) for name in decision.removed_headers],
        )
    )
