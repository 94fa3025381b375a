"""What the driver of a stream is to do, in the order given."""

from typing import NamedTuple

from epp.api.errors import Refusal
from epp.api.plugin import Outcome
from epp.api.request import Request, Usage


class Route(NamedTuple):
    """Ask the director where the request goes; then call ``decided`` or ``refused``."""

    request: Request


class RouteAny(NamedTuple):
    """The same for a request of which only the headers are known: it has no model, no prompt."""

    request: Request


class Refused(NamedTuple):
    """The stream refused a request by itself; the replies that say so follow.

    Attributes:
        refusal: why.
        request: what is known of it; None if that is nothing, or if it was routed before.
    """

    refusal: Refusal
    request: Request | None


class ResponseStarted(NamedTuple):
    """The response's headers came.

    Attributes:
        status: HTTP status; 0 when it is missing or no number.
        served: the endpoint that the gateway says has served, ``ip:port``, or empty.
    """

    status: int
    served: str


class BodyStarted(NamedTuple):
    """The first bytes of the response's body came: in a stream, the first token.

    Attributes:
        is_streaming: the response is server-sent events.
    """

    is_streaming: bool


class Finished(NamedTuple):
    """The exchange is over; exactly once per routed request and per stream with a response.

    Attributes:
        outcome: how it ended, without times.
        response_bytes: bytes of the response body seen here.
        is_streaming: the response was server-sent events, or was asked to be while none was seen.
    """

    outcome: Outcome
    response_bytes: int
    is_streaming: bool

    @property
    def usage(self) -> Usage | None:
        """Token counts; None when none were seen or looked for."""
        return self.outcome.usage


class Close(NamedTuple):
    """End the gRPC stream with this status; nothing is sent after it."""

    code: int
    message: str


Action = bytes | Route | RouteAny | Refused | ResponseStarted | BodyStarted | Finished | Close
"""Bytes are a serialized ProcessingResponse to send."""
