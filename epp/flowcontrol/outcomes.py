"""How requests leave flow control, and what their clients are told.

Codes and texts are GAIE's; llm-d-router's reasons go with them, and where its answers differ the
ext-proc side knows.
"""

from enum import Enum

from epp.api.errors import Code, Refusal

_PRE_QUEUE = "request rejected pre-queue"
_TIMED_OUT = "request timed out in queue: request evicted from queue: request TTL expired"
_SHUTDOWN = "internal flow control error: flow controller is not running"


class Outcome(Enum):
    """One for each request; the value is the label of the metrics.

    Those without endpoints are llm-d-router's; GAIE does not tell them from a full queue and from
    waiting too long.
    """

    DISPATCHED = "Dispatched"
    REJECTED_CAPACITY = "RejectedCapacity"
    REJECTED_NO_ENDPOINTS = "RejectedNoEndpoints"
    REJECTED_OTHER = "RejectedOther"
    EVICTED_TTL = "EvictedTTL"
    EVICTED_NO_ENDPOINTS = "EvictedNoEndpoints"
    EVICTED_CONTEXT_CANCELLED = "EvictedContextCancelled"
    EVICTED_OTHER = "EvictedOther"


NOT_YET_FINALIZED = "NotYetFinalized"
"""The label of requests that were queued, in the metric of how long that took."""

_ANSWERS = {
    Outcome.REJECTED_CAPACITY: (
        Code.RESOURCE_EXHAUSTED,
        f"{_PRE_QUEUE}: queue at capacity",
        "rejected-saturated",
    ),
    Outcome.REJECTED_NO_ENDPOINTS: (
        Code.SERVICE_UNAVAILABLE,
        f"no endpoints available: {_PRE_QUEUE}: no endpoints",
        "rejected-no-endpoints",
    ),
    Outcome.REJECTED_OTHER: (Code.INTERNAL, _SHUTDOWN, "rejected-shutting-down"),
    Outcome.EVICTED_TTL: (Code.SERVICE_UNAVAILABLE, _TIMED_OUT, "rejected-ttl-expired"),
    Outcome.EVICTED_NO_ENDPOINTS: (Code.SERVICE_UNAVAILABLE, _TIMED_OUT, "rejected-no-endpoints"),
    Outcome.EVICTED_CONTEXT_CANCELLED: (
        Code.SERVICE_UNAVAILABLE,
        "client disconnected: request evicted from queue: request context cancelled",
        "rejected-context-cancelled",
    ),
    Outcome.EVICTED_OTHER: (Code.INTERNAL, _SHUTDOWN, "rejected-shutting-down"),
}


def refusal(outcome: Outcome) -> Refusal:
    """Return the answer to a request that was not dispatched."""
    code, message, reason = _ANSWERS[outcome]
    return Refusal(code, message, reason=reason)


def shed() -> Refusal:
    """Return the answer to a sheddable request while the pool is full."""
    return Refusal(
        Code.RESOURCE_EXHAUSTED,
        "system saturated, sheddable request dropped",
        reason="rejected-saturated",
    )


def revoked() -> Refusal:
    """Return the answer to a request that is ended while it is served."""
    return Refusal(Code.RESOURCE_EXHAUSTED, "request evicted by flow control", reason="evicted")
