"""The scheduling process's side of its workers: their requests, asked of the real director."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.metrics.recorder import EppMetrics
from epp.server.extproc import Routes
from epp.server.workers.channel import Kind, Message
from epp.server.workers.decisions import Telling
from epp.server.workers.messages import (
    PromptNeeds,
    head_of,
    outcome_of,
    refusal_values,
    request_of,
    usage_of,
)
from epp.server.workers.placement import Told

log = logging.getLogger("ext-proc")


@dataclass(slots=True)
class Office:
    """What all desks have in common.

    Attributes:
        director: who decides.
        metrics: of the scheduling process.
        told: the plugins that look at responses, of the configuration in use.
        needs: how much of prompts is looked at.
    """

    director: Routes
    metrics: EppMetrics
    told: Told
    needs: PromptNeeds


_Routed = tuple[Request, Decision, Told]
"""A request that was decided, where it went, and the plugins that were in use then."""


class Desk:
    """Answers one worker.

    Args:
        office: what it shares with the others.
        send: sends a message to the worker.
    """

    def __init__(self, office: Office, send: Callable[..., None]) -> None:
        self._office = office
        self._send = send
        self._telling = Telling()
        self._waiting: dict[int, Request] = {}
        self._routed: dict[int, _Routed] = {}

    @property
    def open_streams(self) -> int:
        """Requests that were routed and have not ended."""
        return len(self._routed)

    def take(self, message: Message) -> None:
        """Take a message of the worker's that is about a request."""
        kind, number = message[0], message[1]
        if kind == Kind.ROUTE:
            self._route(number, message[2:])
        elif kind == Kind.COMPLETED:
            self._completed(number, message[2])
        elif kind == Kind.RESPONDED:
            self._responded(number, message[2:])
        elif kind == Kind.ABANDON:
            self._abandon(number)
        elif kind == Kind.ASK_RESPONDED:
            self._send(Kind.ANSWERED, number, self._asked_responded(message[2], message[3:]))
        elif kind == Kind.ASK_ENDED:
            self._send(Kind.ANSWERED, number, self._asked_ended(message[2], message[3]))

    def lost(self) -> None:
        """End everything that the worker had open: it is gone."""
        director = self._office.director
        for request in self._waiting.values():
            director.abandon(request)
        self._waiting.clear()
        for request, decision, _ in self._routed.values():
            director.completed(request, decision, Outcome(is_complete=False))
        self._routed.clear()

    def _abandon(self, number: int) -> None:
        director = self._office.director
        request = self._waiting.pop(number, None)
        if request is not None:
            director.abandon(request)
            return
        # The decision and this have met on their ways.
        routed = self._routed.pop(number, None)
        if routed is not None:
            director.completed(routed[0], routed[1], Outcome(is_complete=False))

    def _route(self, number: int, values: Sequence[Any]) -> None:
        request = request_of(values, self._office.needs)
        director = self._office.director
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
        office = self._office
        self._routed[number] = (request, answer, office.told)
        try:
            told = self._telling.told(answer)
            self._send(Kind.DECIDED, number, request.target_model, request.priority, told)
        except ValueError:
            log.exception("no message can carry a plugin's decision")
            self._telling.forget()
            del self._routed[number]
            office.director.completed(request, answer, Outcome(is_complete=False))
            refusal = Refusal(Code.INTERNAL, "internal error")
            self._send(Kind.REFUSED, number, *refusal_values(refusal))
            return
        office.metrics.attempted(request.target_model, answer.primary)

    def _completed(self, number: int, outcome: tuple[Any, ...]) -> None:
        routed = self._routed.pop(number, None)
        if routed is not None:
            self._office.director.completed(routed[0], routed[1], outcome_of(outcome))

    def _responded(self, number: int, head: Sequence[Any]) -> None:
        request, decision, told = self._seen(number)
        told.listeners.began(request, decision, head_of(head))

    def _asked_responded(self, number: int, head: Sequence[Any]) -> bytes:
        request, decision, told = self._seen(number)
        return told.every.began(request, decision, head_of(head))

    def _asked_ended(self, number: int, usage: Sequence[Any] | None) -> bytes:
        request, _, told = self._seen(number)
        return told.every.ended(request, usage_of(usage))

    def _seen(self, number: int) -> tuple[Request | None, Decision | None, Told]:
        """Return a request, where it went, and who is told; of one that was not seen, the last."""
        return self._routed.get(number) or (None, None, self._office.told)
