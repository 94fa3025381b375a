"""The scheduling process's side of one worker: its requests, asked of the real director."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.director.director import Director
from epp.metrics.recorder import EppMetrics
from epp.server.workers.channel import Kind, Message
from epp.server.workers.messages import PromptNeeds, outcome_of, refusal_values, request_of, told

log = logging.getLogger("ext-proc")


class Desk:
    """Answers one worker.

    Args:
        director: who decides.
        metrics: of the scheduling process.
        send: sends a message to the worker.
    """

    def __init__(self, director: Director, metrics: EppMetrics, send: Callable[..., None]) -> None:
        self._director = director
        self._metrics = metrics
        self._send = send
        self._needs = PromptNeeds(partial(send, Kind.PROMPT_BYTES))
        self._waiting: dict[int, Request] = {}
        self._routed: dict[int, tuple[Request, Decision]] = {}

    @property
    def open_streams(self) -> int:
        """Requests that were routed and have not ended."""
        return len(self._routed)

    def take(self, message: Message) -> None:
        """Take a message of the worker's that is about a request."""
        kind, number, *values = message
        if kind == Kind.ROUTE:
            self._route(number, values)
        elif kind == Kind.COMPLETED:
            self._completed(number, *values)
        elif kind == Kind.ABANDON:
            self._abandon(number)

    def lost(self) -> None:
        """End everything that the worker had open: it is gone."""
        for request in self._waiting.values():
            self._director.abandon(request)
        self._waiting.clear()
        for request, decision in self._routed.values():
            self._director.completed(request, decision, Outcome(is_complete=False))
        self._routed.clear()

    def _abandon(self, number: int) -> None:
        request = self._waiting.pop(number, None)
        if request is not None:
            self._director.abandon(request)
            return
        # The decision and this have met on their ways.
        routed = self._routed.pop(number, None)
        if routed is not None:
            self._director.completed(*routed, Outcome(is_complete=False))

    def _route(self, number: int, values: list[Any]) -> None:
        request = request_of(values, self._needs)
        director = self._director
        choose = director.route if values[0] else director.route_any
        self._waiting[number] = request
        try:
            decision = choose(request, partial(self._answer, number))
        except Refusal as refusal:
            self._answer(number, refusal)
        except Exception:
            log.exception("scheduling failed", extra={"fields": {"x-request-id": request.id}})
            self._answer(number, Refusal(Code.INTERNAL, "internal error"))
        else:
            if decision is not None:
                self._answer(number, decision)

    def _answer(self, number: int, answer: Decision | Refusal) -> None:
        request = self._waiting.pop(number, None)
        if request is None:
            if number in self._routed and isinstance(answer, Refusal):
                self._send(Kind.REVOKE, number, *refusal_values(answer))
            return
        if isinstance(answer, Refusal):
            self._send(Kind.REFUSED, number, *refusal_values(answer))
            return
        self._routed[number] = request, answer
        try:
            self._send(Kind.DECIDED, number, request.target_model, request.priority, told(answer))
        except ValueError:
            log.exception("no message can carry a plugin's decision")
            del self._routed[number]
            self._director.completed(request, answer, Outcome(is_complete=False))
            refusal = Refusal(Code.INTERNAL, "internal error")
            self._send(Kind.REFUSED, number, *refusal_values(refusal))
            return
        self._metrics.attempted(request.target_model, answer.primary)

    def _completed(self, number: int, outcome: tuple[Any, ...]) -> None:
        routed = self._routed.pop(number, None)
        if routed is not None:
            self._director.completed(*routed, outcome_of(outcome))
