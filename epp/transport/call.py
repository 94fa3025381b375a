"""What the transport and the code that serves calls know of each other."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Protocol


class Status(IntEnum):
    """gRPC status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class Call(Protocol):
    """One gRPC call, seen by its handler. What is asked of it after its end is ignored."""

    def send(self, message: bytes) -> None:
        """Queue one serialised message. What is sent in one turn of the loop leaves together."""
        ...

    def finish(self, status: int = 0, message: str = "") -> None:
        """End the call with a gRPC status, after all queued messages.

        The handler hears nothing more of the call, not even that the peer went away.
        """
        ...


class Handler(Protocol):
    """Serves one call.

    The events come in this order: any number of ``message``, then at most one ``half_closed``, and
    at most one ``aborted`` at any time; ``drain`` may come in between. A call ends exactly once: by
    the handler's ``finish``, or by ``aborted``. Every event may answer at once, later or never, and
    may finish the call. An exception ends the call with INTERNAL, is logged, and is followed by
    ``aborted``.
    """

    def message(self, data: bytes) -> None:
        """A whole message arrived."""
        ...

    def half_closed(self) -> None:
        """The peer will send no more messages; it still waits for the end of the call."""
        ...

    def aborted(self) -> None:
        """The call ended without the handler's doing: release what belongs to it.

        The peer reset it, the connection was lost, or the peer broke a rule.
        """
        ...

    def drain(self) -> None:
        """The server is about to stop: end the call as soon as that costs nobody anything."""
        ...


HandlerFactory = Callable[[Call], Handler]
Methods = Mapping[bytes, HandlerFactory]
"""Handlers by path, for example ``/grpc.health.v1.Health/Check``."""
