"""How refusals are put into words: what clients of one upstream release know.

Refusals are raised with the codes and texts of GAIE 1.4. This table says what the other releases
answer in the same situation (GAIE 1.3, 1.5 and llm-d-router 0.9); what is not in it is the same in
all of them.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from epp.api.errors import Code, Refusal
from epp.parsing.parser import MISSHAPEN

RELEASES: Final = ("gaie-1.3", "gaie-1.4", "gaie-1.5", "llm-d-0.9")
DEFAULT_RELEASE: Final = "gaie-1.4"

DROPPED_REASON: Final = "x-llm-d-request-dropped-reason"
"""The header of an answer in which llm-d-router says why it dropped a request."""

_AFTER_1_4: Final = frozenset(("gaie-1.5", "llm-d-0.9"))
_LLM_D: Final = frozenset(("llm-d-0.9",))
_GAIE: Final = frozenset(("gaie-1.3", "gaie-1.4", "gaie-1.5"))


class Situation(NamedTuple):
    """What some releases answer otherwise.

    Attributes:
        begins: how GAIE 1.4's text begins.
        releases: who answers otherwise.
        text: their text, made of what follows the beginning and of the refusal.
        code: their code; None is the same.
    """

    begins: str
    releases: frozenset[str]
    text: Callable[[str, Refusal], str]
    code: Code | None = None


def _misshapen_in_1_3(rest: str, refusal: Refusal) -> str:
    """GAIE 1.3 takes for a chat what has no prompt, whatever the path."""
    del rest
    if refusal.detail:
        return f"{MISSHAPEN}invalid request format"
    return (
        f"{MISSHAPEN}invalid chat-completions request: inference gateway: BadRequest - "
        "chat-completions request must have at least one message"
    )


def _same(text: str) -> Callable[[str, Refusal], str]:
    """Return what replaces the beginning and keeps the rest."""
    return lambda rest, _: text + rest


_QUEUED: Final = "request timed out in queue: "
_SHUTDOWN: Final = "internal flow control error: flow controller is not running"

SITUATIONS: Final = (
    Situation(
        "Error unmarshaling request body",
        _AFTER_1_4,
        lambda _, refusal: f"error unmarshaling request bodyMap: {refusal.detail}",
    ),
    Situation(MISSHAPEN, frozenset(("gaie-1.3",)), _misshapen_in_1_3),
    Situation(MISSHAPEN, _AFTER_1_4, _same("")),
    Situation(
        "failed to find candidate pods for serving the request",
        _AFTER_1_4,
        _same("failed to find endpoint candidates for serving the request"),
    ),
    Situation("failed to find target pod: ", _AFTER_1_4, _same("failed to find target endpoint: ")),
    Situation("request cannot be admitted: ", _GAIE, lambda _rest, _: "request cannot be admitted"),
    Situation(_QUEUED, _LLM_D, _same(_QUEUED), Code.RESOURCE_EXHAUSTED),
    Situation(_SHUTDOWN, _LLM_D, _same(_SHUTDOWN), Code.SERVICE_UNAVAILABLE),
)

_NO_ENDPOINTS: Final = "rejected-no-endpoints"
REASONS: Final[Mapping[str, str]] = {
    "system saturated, sheddable request dropped": "rejected-saturated",
    "failed to find candidate pods for serving the request": _NO_ENDPOINTS,
    "request rejected pre-queue: queue at capacity": "rejected-saturated",
    _QUEUED: "rejected-ttl-expired",
    "client disconnected: ": "rejected-context-cancelled",
    _SHUTDOWN: "rejected-shutting-down",
    "request evicted by flow control": "evicted",
}
"""llm-d-router's reasons by the beginning of GAIE 1.4's text; what a refusal brings itself wins."""


class Answer(NamedTuple):
    """What a client gets.

    Attributes:
        status: the HTTP status.
        code: name of the code, also a metric's label.
        body: plain text.
        reason: value of ``DROPPED_REASON``; empty for no such header.
    """

    status: int
    code: str
    body: bytes
    reason: str


class Wording:
    """Words refusals as one release does.

    Args:
        release: one of ``RELEASES``.
    """

    def __init__(self, release: str = DEFAULT_RELEASE) -> None:
        self._prefix = "inference error" if release in _AFTER_1_4 else "inference gateway"
        self._has_short_code = release in _AFTER_1_4
        self._has_reasons = release in _LLM_D
        self._situations = tuple(s for s in SITUATIONS if release in s.releases)

    def of(self, refusal: Refusal) -> Answer:
        """Return the answer to a refused request."""
        code, message = refusal.code, refusal.message
        reason = self._reason(refusal) if self._has_reasons else ""
        for situation in self._situations:
            if message.startswith(situation.begins):
                message = situation.text(message.removeprefix(situation.begins), refusal)
                # A queue in front of no endpoint at all is no full one.
                if situation.code is not None and reason != _NO_ENDPOINTS:
                    code = situation.code
                break
        name = code.text
        if code is Code.RESOURCE_EXHAUSTED and self._has_short_code:
            name = "ResourceExhausted"
        body = f"{self._prefix}: {name} - {message}".encode()
        return Answer(code.http_status, name, body, reason)

    def _reason(self, refusal: Refusal) -> str:
        if refusal.reason:
            return refusal.reason
        message = refusal.message
        return next((r for begins, r in REASONS.items() if message.startswith(begins)), "")
