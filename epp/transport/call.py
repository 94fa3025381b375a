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
    """One gRPC call, seen by its handler. Calls after the end are ignored."""

    def send(self, message: bytes) -> None:
        """Queue one serialised message. What is sent in one turn of the loop leaves together."""
        ...

    def finish(self, status: int = 0, message: str = "") -> None:
        """End the call with a gRPC status, after all queued messages."""
        ...


class Handler(Protocol):
    """Serves one call. Exactly one of ``half_closed`` and ``aborted`` may be the last event."""

    def message(self, data: bytes) -> None:
        """A whole message arrived."""
        ...

    def half_closed(self) -> None:
        """The peer will send no more messages; it still waits for the end of the call."""
        ...

    def aborted(self) -> None:
        """The peer reset the call or the connection was lost; nothing can be sent any more."""
        ...

    def drain(self) -> None:
        """The server is about to stop: end the call as soon as that costs nobody anything."""
        ...


HandlerFactory = Callable[[Call], Handler]
Methods = Mapping[bytes, HandlerFactory]
"""Handlers by path, for example ``/grpc.health.v1.Health/Check``."""
