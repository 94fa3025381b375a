"""One HTTP/2 stream carrying one gRPC call: deframing in, flow-controlled sending out."""

from typing import TYPE_CHECKING

from epp.transport import headers
from epp.transport.call import Handler, Status

if TYPE_CHECKING:
    from epp.transport.connection import Connection


class Stream:
    """State of one stream; it is the ``Call`` that the handler holds.

    Attributes:
        id: the HTTP/2 stream id.
        handler: who serves it; None for a request that is answered without one.
        receive_window: bytes the peer may still send.
        ungranted: bytes received whose window was not given back yet.
        send_window: bytes we may still send.
        is_remote_closed: the peer has sent END_STREAM.
        is_local_closed: we have sent END_STREAM or a reset, or will after ``unsent``.
        expected_bytes: what is left of the declared content-length, -1 when none was declared.
        unsent: DATA payload that waits for window.
        trailers: what follows ``unsent``: a header block, or empty for END_STREAM alone.
    """

    __slots__ = (
        "connection",
        "expected_bytes",
        "handler",
        "has_sent_head",
        "id",
        "is_local_closed",
        "is_remote_closed",
        "parts",
        "parts_bytes",
        "receive_window",
        "send_window",
        "trailers",
        "ungranted",
        "unsent",
        "wanted_bytes",
    )

    def __init__(
        self, connection: "Connection", stream_id: int, receive_window: int, send_window: int
    ) -> None:
        self.connection = connection
        self.id = stream_id
        self.handler: Handler | None = None
        self.receive_window = receive_window
        self.ungranted = 0
        self.send_window = send_window
        self.is_remote_closed = False
        self.is_local_closed = False
        self.has_sent_head = False
        self.expected_bytes = -1
        self.unsent: bytearray | None = None
        self.trailers: bytes | None = None
        # A message that has not arrived in full: its parts (prefix included), their size, and
        # the size at which the message (or its prefix) is complete.
        self.parts: list[bytes] = []
        self.parts_bytes = 0
        self.wanted_bytes = 5

    def send(self, message: bytes) -> None:
        """Queue one serialised gRPC message."""
        if not self.is_local_closed:
            self.connection.send_message(self, message)

    def finish(self, status: int = 0, message: str = "") -> None:
        """End the call after everything queued."""
        if not self.is_local_closed:
            self.connection.finish(self, headers.grpc_trailers(status, message))

    def receive(self, payload: bytes) -> None:
        """Take DATA payload and hand every completed message to the handler."""
        handler = self.handler
        if handler is None:
            return
        if not self.parts_bytes and len(payload) >= 5:
            size = int.from_bytes(payload[1:5], "big")
            if len(payload) == size + 5 and not payload[0]:
                handler.message(payload[5:])
                return
        self._collect(handler, payload)

    def _collect(self, handler: Handler, payload: bytes) -> None:
        """Receive the general case: split and joined messages."""
        connection = self.connection
        self.parts.append(payload)
        self.parts_bytes += len(payload)
        connection.server.buffered_bytes += len(payload)
        while self.parts_bytes >= self.wanted_bytes and not self.is_local_closed:
            data = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
            size = int.from_bytes(data[1:5], "big")
            if data[0]:
                self.finish(Status.UNIMPLEMENTED, "compressed messages are not supported")
                break
            if size > connection.limits.max_message_bytes:
                self.finish(
                    Status.RESOURCE_EXHAUSTED,
                    f"message of {size} bytes is larger than the limit of "
                    f"{connection.limits.max_message_bytes} bytes",
                )
                break
            self.wanted_bytes = size + 5
            if self.parts_bytes < self.wanted_bytes:
                self.parts = [data]
                if connection.server.buffered_bytes > connection.limits.max_buffered_bytes:
                    self.finish(Status.RESOURCE_EXHAUSTED, "too much data is buffered already")
                break
            message = data[5 : size + 5]
            rest = data[size + 5 :]
            connection.server.buffered_bytes -= self.parts_bytes - len(rest)
            self.parts = [rest] if rest else []
            self.parts_bytes = len(rest)
            self.wanted_bytes = 5
            handler.message(message)
        if self.is_local_closed:
            self.forget_parts()

    def forget_parts(self) -> None:
        """Drop an incomplete message."""
        self.connection.server.buffered_bytes -= self.parts_bytes
        self.parts = []
        self.parts_bytes = 0
