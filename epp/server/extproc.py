"""Joins one gRPC call, one ext-proc stream and the director."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from epp.api.errors import Code, Refusal
from epp.api.request import Decision, Request
from epp.director.director import Director, Later
from epp.extproc.actions import (
    Action,
    Close,
    Finished,
    Refused,
    Route,
    RouteAny,
)
from epp.extproc.stream import Stream, StreamSettings
from epp.metrics.recorder import EppMetrics, ModelSeries
from epp.transport.call import Call, Handler, Status

log = logging.getLogger("ext-proc")

PROCESS = b"/envoy.service.ext_proc.v3.ExternalProcessor/Process"
_MODEL_SERVER_ERROR = "ModelServerError"


@dataclass(frozen=True, slots=True)
class Serving:
    """What all calls share."""

    director: Director
    metrics: EppMetrics
    settings: StreamSettings


class ExtProcCall(Handler):
    """Serves one ext-proc stream, that is one HTTP exchange."""

    __slots__ = (
        "_call",
        "_decision",
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
        self._series: ModelSeries | None = None
        self._started = time.perf_counter()
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
            self._serving.metrics.streams_open -= 1
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
            self._refused(action.refusal, None)
        elif action.status >= 400:
            self._failed(_MODEL_SERVER_ERROR)

    def _abandon(self) -> None:
        if self._is_waiting and self._request is not None:
            self._is_waiting = False
            self._serving.director.abandon(self._request)

    def _route(self, request: Request, choose: Callable[[Request, Later], Decision | None]) -> None:
        self._request = request
        request.received_at = self._started
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
        """Take the answer to a request that had to wait for it."""
        request = self._request
        self._is_waiting = False
        if request is None:
            return
        if isinstance(answer, Refusal):
            self._refuse(answer, request)
        else:
            self._decided(request, answer)

    def _decided(self, request: Request, decision: Decision) -> None:
        self._decision = decision
        actions = self._stream.decided(decision, request)
        # After that, for a rewrite changes the size.
        self._series = self._serving.metrics.exchange_started(
            request.model, request.target_model, request.size
        )
        for action in actions:
            if isinstance(action, bytes):
                self._call.send(action)
            else:
                self._act(action)

    def _finished(self, finished: Finished) -> None:
        request, decision, series = self._request, self._decision, self._series
        if request is None or decision is None or series is None:
            if finished.usage is None and not finished.response_bytes:
                return
            # A stream that began with the response: upstream counts it without model names.
            series = self._serving.metrics.models["", ""]
        else:
            self._decision = None
            self._serving.director.completed(request, decision, finished.outcome)
            series.ended()
        if finished.outcome.is_complete:
            seconds = time.perf_counter() - self._started
            series.completed(seconds, finished.response_bytes or None, finished.usage)

    def _refuse(self, refusal: Refusal, request: Request) -> None:
        self._refused(refusal, request)
        self._perform(self._stream.refused(refusal))

    def _refused(self, refusal: Refusal, request: Request | None) -> None:
        self._failed(refusal.code.text)
        log.debug(
            "request refused",
            extra={
                "fields": {
                    "x-request-id": request.id if request else "",
                    "code": refusal.code.text,
                    "reason": refusal.message,
                }
            },
        )

    def _failed(self, code: str) -> None:
        request = self._request
        model, target = (request.model, request.target_model) if request else ("", "")
        self._serving.metrics.request_failed(model, target, code)
