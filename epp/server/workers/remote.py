"""A worker's director: it asks the scheduling process."""

from collections.abc import Callable
from itertools import count
from typing import Any

from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.director.director import Later
from epp.server.workers.channel import Kind
from epp.server.workers.messages import (
    MOST_PROMPT_BYTES,
    Decisions,
    facts,
    outcome_values,
    refusal_of,
)

Send = Callable[..., None]


class RemoteDirector:
    """Routes as a ``Director`` does, save that every answer comes later.

    Args:
        send: sends a message to the scheduling process.
        is_stuck: tells whether that has stopped to read them.

    Attributes:
        prompt_bytes: how much of a prompt is sent along.
        sends_body: the decoded body is sent along.
    """

    def __init__(self, send: Send, is_stuck: Callable[[], bool] = lambda: False) -> None:
        self.prompt_bytes = MOST_PROMPT_BYTES
        self.sends_body = False
        self._send = send
        self._is_stuck = is_stuck
        self._is_lost = False
        self._numbers = count(1)
        self._waiting: dict[int, tuple[Request, Later]] = {}
        self._number: dict[Request, int] = {}
        self._routed: dict[int, Later] = {}
        self._decisions = Decisions()

    def route(self, request: Request, later: Later) -> Decision | None:
        """Ask where a request with a body goes; ``later`` gets the answer.

        Raises:
            Refusal: there is nobody to ask.
        """
        self._ask(request, later, has_body=True)
        return None

    def route_any(self, request: Request, later: Later) -> Decision | None:
        """Ask where a request goes of which only the headers are known, as ``route`` does."""
        self._ask(request, later, has_body=False)
        return None

    def abandon(self, request: Request) -> None:
        """Forget a request that waits for its decision."""
        number = self._number.pop(request, None)
        if number in self._waiting:
            del self._waiting[number]
            self._send(Kind.ABANDON, number)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Tell of the end of a routed request."""
        del decision
        number = self._number.pop(request, None)
        if number is not None:
            self._routed.pop(number, None)
            self._send(Kind.COMPLETED, number, outcome_values(outcome))

    def decided(self, number: int, target_model: str, priority: int, decision: Any) -> None:
        """Take the answer to ``route``."""
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return
        request, later = waiting
        request.target_model, request.priority = target_model, priority
        self._routed[number] = later
        later(self._decisions.decision_of(decision))

    def refused(self, number: int, *refusal: Any) -> None:
        """Take the other answer to ``route``."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            del self._number[waiting[0]]
            waiting[1](refusal_of(refusal))

    def revoked(self, number: int, *refusal: Any) -> None:
        """End a request that is being served."""
        later = self._routed.get(number)
        if later is not None:
            later(refusal_of(refusal))

    def lost(self) -> None:
        """Answer whoever waits, and whoever comes: the scheduling process is gone."""
        self._is_lost = True
        waiting, self._waiting = self._waiting, {}
        for request, later in waiting.values():
            self._number.pop(request, None)
            later(_gone())

    def _ask(self, request: Request, later: Later, *, has_body: bool) -> None:
        if self._is_lost:
            raise _gone()
        if self._is_stuck():
            raise Refusal(Code.SERVICE_UNAVAILABLE, "the scheduling process does not keep up")
        number = next(self._numbers)
        self._waiting[number] = (request, later)
        self._number[request] = number
        self._send(
            Kind.ROUTE,
            number,
            *facts(request, self.prompt_bytes, has_body=has_body, sends_body=self.sends_body),
        )


def _gone() -> Refusal:
    return Refusal(Code.SERVICE_UNAVAILABLE, "the scheduling process is gone")
