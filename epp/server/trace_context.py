"""Where a trace goes on in another process: what the spans of one process tell those of another."""

from collections.abc import Mapping
from typing import Final, NamedTuple

TRACE: Final = "trace context"
"""Where it is in a request's scratch memory."""


class TraceContext(NamedTuple):
    """The headers of W3C Trace Context for two spans of a request.

    Attributes:
        outside: of the whole request, which the model server gets.
        inside: of the decision, under which the parts of scheduling are.
    """

    outside: Mapping[str, str]
    inside: Mapping[str, str]
