"""Requests, responses and refusals as plain values, and back."""

from collections.abc import Callable, Sequence
from typing import Any

from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome, ResponseHead
from epp.api.request import Request, Usage
from epp.api.tuples import new_tuple
from epp.extproc.headers import Headers
from epp.server.trace_context import TRACE, TraceContext

MOST_PROMPT_BYTES = 4 * 1024 * 1024
"""What is sent of a prompt as long as nobody has said how much of it is looked at."""


class PromptNeeds:
    """How much of prompts the schedulers look at, found out by what they ask for.

    Args:
        changed: called with the number of bytes whenever more is asked for than ever before.

    Attributes:
        most: bytes asked for at most; 0 as long as nobody asked.
    """

    def __init__(self, changed: Callable[[int], None]) -> None:
        self._changed = changed
        self.most = 0

    def asked(self, limit: int) -> None:
        """Note that the first ``limit`` bytes of a prompt were asked for."""
        if limit > self.most:
            self.most = limit
            self._changed(limit)


class PromptHead:
    """The beginning of a prompt that another process has read.

    Args:
        text: as much as was sent.
        needs: is told what is asked for.
    """

    __slots__ = ("_needs", "_text")

    def __init__(self, text: bytes, needs: PromptNeeds) -> None:
        self._text = text
        self._needs = needs

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes."""
        self._needs.asked(limit)
        return self._text[:limit]


def facts(
    request: Request, prompt_bytes: int, *, has_body: bool, sends_body: bool
) -> tuple[Any, ...]:
    """Return what a scheduler may want to know of a request.

    Args:
        request: as the worker read it.
        prompt_bytes: how much of the prompt is looked at.
        has_body: its body was read; otherwise only its headers are known.
        sends_body: the decoded body is looked at, too.
    """
    headers, trace = request.headers, request.scratch.get(TRACE)
    return (
        has_body,
        request.id,
        # Not isinstance: compiled, the class shares the memory of Mapping's own checks.
        headers.data if type(headers) is Headers else b"",
        request.model,
        request.target_model,
        request.prompt.head(prompt_bytes),
        request.cache_salt,
        request.size,
        request.is_streaming,
        request.objective,
        request.fairness_id,
        request.subset,
        request.received_at,
        request.body if sends_body else None,
        None if trace is None else tuple(trace),
    )


def request_of(values: Sequence[Any], needs: PromptNeeds) -> Request:
    """Return the request that these facts are of; they begin with whether it has a body."""
    (
        _,
        identity,
        headers,
        model,
        target_model,
        prompt,
        cache_salt,
        size,
        is_streaming,
        objective,
        fairness_id,
        subset,
        received_at,
        body,
        trace,
    ) = values
    request = Request(
        identity,
        Headers(headers),
        model,
        target_model,
        PromptHead(prompt, needs),
        cache_salt=cache_salt,
        size=size,
        is_streaming=is_streaming,
        objective=objective,
        fairness_id=fairness_id,
        subset=subset,
        body=body,
        received_at=received_at,
    )
    if trace is not None:
        request.scratch[TRACE] = TraceContext(*trace)
    return request


def refusal_values(refusal: Refusal) -> tuple[Any, ...]:
    """Return a refusal as plain values."""
    return (refusal.code.name, refusal.message, refusal.reason, refusal.detail)


def refusal_of(values: Sequence[Any]) -> Refusal:
    """Return the refusal that ``refusal_values`` made these of."""
    code, message, reason, detail = values
    return Refusal(Code[code], message, reason=reason, detail=detail)


def outcome_values(outcome: Outcome) -> tuple[Any, ...]:
    """Return an outcome as plain values."""
    status, is_complete, usage, *rest = outcome
    return (status, is_complete, None if usage is None else tuple(usage), *rest)


def outcome_of(values: Sequence[Any]) -> Outcome:
    """Return the outcome that ``outcome_values`` made these of."""
    status, is_complete, usage, *rest = values
    return new_tuple(Outcome, (status, is_complete, usage_of(usage), *rest))


def head_values(head: ResponseHead) -> tuple[Any, ...]:
    """Return the beginning of a response as plain values."""
    headers = head.headers
    return (head.status, headers.data if type(headers) is Headers else b"", head.served)


def head_of(values: Sequence[Any]) -> ResponseHead:
    """Return the beginning of a response that ``head_values`` made these of."""
    status, headers, served = values
    return ResponseHead(status, Headers(headers), served)


def usage_of(values: Sequence[Any] | None) -> Usage | None:
    """Return token counts of plain values; None stands for none."""
    return None if values is None else new_tuple(Usage, values)
