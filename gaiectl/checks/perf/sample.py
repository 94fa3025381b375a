"""What one request came to."""

from collections.abc import Sequence
from dataclasses import dataclass

TIMEOUT = "timeout"
NO_CONNECTION = "no connection"
BROKEN_STREAM = "broken stream"
BAD_ANSWER = "bad answer"
NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One request, from its first byte sent to the last one received.

    Attributes:
        seconds: how long that took.
        first: seconds to the first token; None where answers come as a whole.
        gaps: seconds from each token to the next; several that came at once have 0 in between.
        tokens_in: of the prompt, as the model server counts; 0 when it does not say.
        tokens_out: of the answer.
        endpoint: who answered; empty when nobody says.
        failure: the class of failure: a status, or one of the words above; empty for a success.
        said: of a failure, what was seen: printable, in one line.
    """

    seconds: float
    first: float | None = None
    gaps: Sequence[float] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    endpoint: str = ""
    failure: str = ""
    said: str = ""
