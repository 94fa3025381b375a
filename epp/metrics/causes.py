"""Why requests are refused, beyond the code of the answer.

Upstream's codes say little: 429 is the answer to a full pool and to filters that keep nobody, 500
to a bug and to a policy. The codes stay, for clients know them; this tells the causes apart.
"""

from collections.abc import Sequence

_CAUSES: Sequence[tuple[str, str]] = (
    ("failed to find target pod", "unschedulable"),
    ("failed to find candidate pods", "no-candidates"),
    ("no pods available", "no-candidates"),
    ("no endpoints available", "no-candidates"),
    ("screeners eliminated", "no-candidates"),
    ("request cannot be admitted", "not-admitted"),
    ("system saturated", "saturated"),
    ("request rejected pre-queue: queue at capacity", "queue-full"),
    ("request timed out in queue", "queued-too-long"),
    ("client disconnected", "client-left"),
    ("request evicted by flow control", "revoked"),
    ("internal flow control error", "shutting-down"),
    ("no decode worker", "no-cached-prefix"),
    ("internal error", "bug"),
    ("the scheduling process is gone", "bug"),
)
"""How the text of a refusal begins (GAIE 1.4), and its cause."""


def cause_of(code: str, message: str) -> str:
    """Return the cause of a refusal, one of a dozen words.

    Args:
        code: ``Code.text`` or ``ModelServerError``.
        message: text of the refusal; empty if there was none.
    """
    for beginning, cause in _CAUSES:
        if message.startswith(beginning):
            return cause
    return "model-server" if code == "ModelServerError" else "bad-request"
