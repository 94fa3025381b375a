"""A worker's director: it asks the scheduling process."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome, ResponseHead
from epp.api.request import Decision, Request, Usage
from epp.director.director import Later
from epp.server.workers.channel import Kind
from epp.server.workers.decisions import Decisions
from epp.server.workers.held import Answer
from epp.server.workers.messages import (
    MOST_PROMPT_BYTES,
    facts,
    head_values,
    outcome_values,
    refusal_of,
)

Send = Callable[..., None]


class RemoteDirector:
    """Routes as a ``Director`` does, save that every answer comes later.

    Args:
        send: sends a message to the scheduling process.
        send_along: the same; it may wait for others.
        is_stuck: tells whether that has stopped to read them.

    Attributes:
        prompt_bytes: how much of a prompt is sent along.
        sends_body: the decoded body is sent along.
    """

    def __init__(
        self, send: Send, send_along: Send, is_stuck: Callable[[], bool] = lambda: False
    ) -> None:
        self.prompt_bytes = MOST_PROMPT_BYTES
        self.sends_body = False
        self._send = send
        self._send_along = send_along
        self._is_stuck = is_stuck
        self._is_lost = False
        self._numbers = count(1)
        self._waiting: dict[int, tuple[Request, Later]] = {}
        self._number: dict[Request, int] = {}
        self._routed: dict[int, Later] = {}
        self._decisions = Decisions()
        self._questions: dict[int, Answer] = {}

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
            self._send_along(Kind.COMPLETED, number, outcome_values(outcome))

    def responded(self, request: Request | None, head: ResponseHead) -> None:
        """Tell of the beginning of a response; None stands for a request that was not seen."""
        self._send_along(Kind.RESPONDED, self._number_of(request), *head_values(head))

    def ask_responded(self, request: Request | None, head: ResponseHead, answer: Answer) -> None:
        """Tell of the same; ``answer`` gets the entries of a HeaderMutation."""
        number = self._question(answer)
        if number:
            about = self._number_of(request)
            self._send(Kind.ASK_RESPONDED, number, about, *head_values(head))

    def ask_ended(self, request: Request | None, usage: Usage | None, answer: Answer) -> None:
        """Tell of the end of a response; ``answer`` gets ``dynamic_metadata``, or nothing."""
        number = self._question(answer)
        if number:
            counts = None if usage is None else tuple(usage)
            self._send(Kind.ASK_ENDED, number, self._number_of(request), counts)

    def answered(self, number: int, text: bytes) -> None:
        """Take the answer to a question about a response."""
        self._questions.pop(number)(text)

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
        questions, self._questions = self._questions, {}
        for answer in questions.values():
            answer(b"")

    def _number_of(self, request: Request | None) -> int:
        return 0 if request is None else self._number.get(request, 0)

    def _question(self, answer: Answer) -> int:
        """Return the number of a question; 0 if there is nobody to ask, and answer it then."""
        if self._is_lost:
            # Not yet: who asks does not expect it while it does.
            asyncio.get_running_loop().call_soon(answer, b"")
            return 0
        number = next(self._numbers)
        self._questions[number] = answer
        return number

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
