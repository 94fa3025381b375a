"""Joins one gRPC call, one ext-proc stream and the director."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.api.tuples import new_tuple
from epp.director.director import Later
from epp.extproc.actions import (
    Action,
    BodyStarted,
    Close,
    Finished,
    Refused,
    Route,
    RouteAny,
)
from epp.extproc.messages import RESPONSE_BODY, SHAPE_BYTES, shape
from epp.extproc.stream import Stream, StreamSettings
from epp.metrics.recorder import EppMetrics
from epp.metrics.requests import RequestSeries  # noqa: TC001 - compiled code casts to it
from epp.metrics.series import Histogram
from epp.transport.call import Call, Handler, Status

log = logging.getLogger("ext-proc")

PROCESS = b"/envoy.service.ext_proc.v3.ExternalProcessor/Process"
_MODEL_SERVER_ERROR = "ModelServerError"

Receive = Callable[[bytes], Sequence[Action]]


class Watcher(Protocol):
    """Wants to know of each exchange: for logs, or for spans."""

    def received(self, request: Request) -> None:
        """Called when all is known that the decision depends on, before it is taken.

        Of a request that could not be read these are id and headers.
        """
        ...

    def routed(self, request: Request, decision: Decision) -> None:
        """Called when the request has been answered with where it goes."""
        ...

    def refused(self, request: Request | None, refusal: Refusal) -> None:
        """Called when it goes nowhere; None stands for one of which not even headers came."""
        ...

    def abandoned(self, request: Request) -> None:
        """Called when the client left before a decision was taken."""
        ...

    def finished(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Called when the exchange of a routed request is over."""
        ...


class Routes(Protocol):
    """What calls need of a director; ``epp.director.director.Director`` says what each does."""

    def route(self, request: Request, later: Later) -> Decision | None:
        """Choose the endpoints for a request with a body."""
        ...

    def route_any(self, request: Request, later: Later) -> Decision | None:
        """Choose the endpoints for a request without a body."""
        ...

    def abandon(self, request: Request) -> None:
        """Forget a request that waits for its decision."""
        ...

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Account for the end of a routed request."""
        ...


@dataclass(frozen=True, slots=True)
class Serving:
    """What all calls share."""

    director: Routes
    metrics: EppMetrics
    settings: StreamSettings
    watchers: Sequence[Watcher] = ()


class ExtProcCall(Handler):
    """Serves one ext-proc stream, that is one HTTP exchange."""

    __slots__ = (
        "_call",
        "_decision",
        "_first_bytes",
        "_first_token",
        "_handling",
        "_headers_at",
        "_is_closed",
        "_is_waiting",
        "_request",
        "_series",
        "_serving",
        "_started",
        "_stream",
    )

    def __init__(self, call: Call, serving: Serving) -> None:
        self._call = call
        self._serving = serving
        self._stream = Stream(serving.settings)
        self._request: Request | None = None
        self._decision: Decision | None = None
        self._series: RequestSeries | None = None
        self._started = time.perf_counter()
        # Seconds from then to what came of the response; 0 as long as it has not.
        self._headers_at = 0.0
        self._first_bytes = 0.0
        self._first_token = 0.0
        # Seconds spent on the parts of a streamed response; None as long as nobody adds them up.
        self._handling: list[float] | None = None
        self._is_closed = False
        self._is_waiting = False
        serving.metrics.streams_open += 1

    def message(self, data: bytes) -> None:
        """Take one ProcessingRequest."""
        for action in self._stream.receive(data):
            if isinstance(action, bytes):
                self._call.send(action)
            else:
                self._act(action)

    def half_closed(self) -> None:
        """Envoy has ended its side: the exchange is over."""
        self._abandon()
        self._perform(self._stream.half_closed())
        if not self._is_closed:
            self._close(Status.OK, "")

    def aborted(self) -> None:
        """Envoy has given the exchange up."""
        self._abandon()
        self._perform(self._stream.aborted())
        self._close(Status.CANCELLED, "")

    def drain(self) -> None:
        """Leave an exchange that needs us no more."""
        if self._decision is not None and self._stream.is_idle:
            self._perform(self._stream.half_closed())
            self._close(Status.OK, "")

    def _close(self, status: int, message: str) -> None:
        if not self._is_closed:
            self._is_closed = True
            metrics = self._serving.metrics
            metrics.streams_open -= 1
            if metrics.streams is not None:
                metrics.streams.ended(status, time.perf_counter() - self._started)
            self._call.finish(status, message)

    def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self._act(action)

    def _act(self, action: Action) -> None:
        # Those of every request first.
        if isinstance(action, Finished):
            self._finished(action)
        elif isinstance(action, Route):
            self._route(action.request, self._serving.director.route)
        elif isinstance(action, Close):
            self._close(action.code, action.message)
        elif isinstance(action, bytes):
            self._call.send(action)
        elif isinstance(action, RouteAny):
            self._route(action.request, self._serving.director.route_any)
        elif isinstance(action, Refused):
            self._refused_unread(action.refusal, action.request)
        elif isinstance(action, BodyStarted):
            self._first_bytes = time.perf_counter() - self._started
            if action.is_streaming:
                self._first_token = self._first_bytes
                if self._series is not None and self._serving.settings.observation.body_share:
                    stream = self._stream
                    stream.receive = _timed(stream.receive, self._series.between_tokens)
                if next(self._serving.metrics.response_turns):
                    self._handling = []
                    self._stream.receive = _clocked(self._stream.receive, self._handling)
        else:
            self._headers_at = time.perf_counter() - self._started
            if action.status >= 400:
                self._failed(_MODEL_SERVER_ERROR)

    def _abandon(self) -> None:
        if self._is_waiting and self._request is not None:
            self._is_waiting = False
            self._serving.director.abandon(self._request)
            for watcher in self._serving.watchers:
                watcher.abandoned(self._request)

    def _route(self, request: Request, choose: Callable[[Request, Later], Decision | None]) -> None:
        self._request = request
        request.received_at = self._started
        for watcher in self._serving.watchers:
            watcher.received(request)
        try:
            decision = choose(request, self._answer)
        except Refusal as refusal:
            self._refuse(refusal, request)
            return
        except Exception:
            log.exception("scheduling failed", extra={"fields": {"x-request-id": request.id}})
            self._refuse(Refusal(Code.INTERNAL, "internal error"), request)
            return
        if decision is None:
            self._is_waiting = True
        else:
            self._decided(request, decision)

    def _answer(self, answer: Decision | Refusal) -> None:
        """Take the answer to a request that had to wait for it, or that is revoked."""
        request = self._request
        self._is_waiting = False
        if request is None:
            return
        if isinstance(answer, Refusal) and self._decision is not None:
            self._refused(answer, request)
            self._perform(self._stream.revoked(answer))
        elif isinstance(answer, Refusal):
            self._refuse(answer, request)
        else:
            self._decided(request, answer)

    def _decided(self, request: Request, decision: Decision) -> None:
        self._decision = decision
        actions = self._stream.decided(decision, request)
        # After that, for a rewrite changes the size.
        serving = self._serving
        self._series = serving.metrics.exchange_started(
            request, decision.primary, time.perf_counter() - self._started
        )
        for watcher in serving.watchers:
            watcher.routed(request, decision)
        for action in actions:
            if isinstance(action, bytes):
                self._call.send(action)
            else:
                self._act(action)

    def _finished(self, finished: Finished) -> None:
        request, decision, series = self._request, self._decision, self._series
        seconds = time.perf_counter() - self._started
        status, is_complete, usage, served, *_ = finished.outcome
        if request is None or decision is None or series is None:
            if usage is None and not finished.response_bytes:
                return
            # A stream that began with the response: upstream counts it without model names.
            series = self._serving.metrics.of(None)
        else:
            self._decision = None
            times = (self._headers_at, self._first_token, seconds)
            outcome = new_tuple(Outcome, (status, is_complete, usage, served, *times))
            self._serving.director.completed(request, decision, outcome)
            series.ended()
            for watcher in self._serving.watchers:
                watcher.finished(request, decision, outcome)
        if is_complete:
            series.completed(
                seconds,
                finished.response_bytes or None,
                usage,
                self._first_bytes,
                is_streaming=finished.is_streaming,
            )
            metrics = self._serving.metrics
            if self._handling is not None:
                metrics.responding.observe(sum(self._handling))
            elif not finished.is_streaming and self._headers_at and next(metrics.response_turns):
                metrics.responding.observe(seconds - self._headers_at)

    def _refuse(self, refusal: Refusal, request: Request) -> None:
        self._refused(refusal, request)
        self._perform(self._stream.refused(refusal))

    def _refused_unread(self, refusal: Refusal, request: Request | None) -> None:
        if request is not None:
            request.received_at = self._started
            for watcher in self._serving.watchers:
                watcher.received(request)
        self._refused(refusal, request or self._request)

    def _refused(self, refusal: Refusal, request: Request | None) -> None:
        code = self._serving.settings.wording.of(refusal).code
        self._serving.metrics.request_failed(self._request, code, refusal.message)
        for watcher in self._serving.watchers:
            watcher.refused(request, refusal)

    def _failed(self, code: str) -> None:
        self._serving.metrics.request_failed(self._request, code)


def _clocked(receive: Receive, spent: list[float]) -> Receive:
    """Return ``receive`` with the seconds that it takes added."""
    spent.append(0.0)

    def take(message: bytes) -> Sequence[Action]:
        started = time.perf_counter()
        try:
            return receive(message)
        finally:
            spent[0] += time.perf_counter() - started

    return take


def _timed(receive: Receive, between: Histogram) -> Receive:
    """Return ``receive`` with the times between the parts of a streamed response observed."""
    last = time.perf_counter()

    def take(message: bytes) -> Sequence[Action]:
        nonlocal last
        kind, start, end, _ = shape(message[:SHAPE_BYTES])
        if kind == RESPONSE_BODY and start < end:
            now = time.perf_counter()
            between.observe(now - last)
            last = now
        return receive(message)

    return take
