"""Reads HTTP/1.1 responses to GET, as bytes in and responses out; no I/O (RFC 9112).

Bodies end by Content-Length, by chunked coding or by the end of the connection.
"""

import re
from typing import NamedTuple

MOST_HEAD_BYTES = 64 * 1024
MOST_BODY_BYTES = 8 * 1024 * 1024
_MOST_CHUNKS = 10_000
_MOST_HEADS = 16
_MOST_LENGTH_DIGITS = 18
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")
_WITHOUT_BODY = (204, 304)


class Response(NamedTuple):
    """One complete answer.

    Attributes:
        status: the HTTP status.
        body: without transfer coding.
        is_reusable: the connection may carry another request.
    """

    status: int
    body: bytes
    is_reusable: bool


class BadResponse(Exception):
    """What came is not an HTTP/1.1 response that can be used."""


class ResponseTooLarge(BadResponse):
    """The body is larger than ``MOST_BODY_BYTES``, or comes in more than 10,000 chunks."""


class ResponseReader:
    """Collects one response from the bytes of a connection; make a new one for the next."""

    __slots__ = (
        "_body",
        "_buffer",
        "_is_chunked",
        "_is_reusable",
        "_length",
        "_received",
        "_status",
    )

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._status = 0
        self._is_reusable = True
        self._is_chunked = False
        self._length: int | None = None
        self._received = 0
        self._body: list[bytes] = []

    @property
    def is_untouched(self) -> bool:
        """Whether not one byte came."""
        return not self._status and not self._buffer

    def feed(self, data: bytes) -> Response | None:
        """Take bytes of the connection; return the response once it is complete.

        Raises:
            BadResponse: the connection is of no further use.
        """
        if not self._status:
            if self._buffer:
                data = bytes(self._buffer) + data
                self._buffer.clear()
            start = self._read_head(data)
            if not start:
                self._buffer += data
                return None
            data = data[start:]
        if self._is_chunked:
            return self._read_chunks(data)
        self._take(data)
        if self._length is None or self._received < self._length:
            return None
        if self._received > self._length:
            self._body[-1] = data[: len(data) - (self._received - self._length)]
            self._is_reusable = False
        return self._finish()

    def end(self) -> Response | None:
        """Take the end of the connection; return the response that it completes, if any."""
        if self._status and self._length is None and not self._is_chunked:
            return self._finish()
        return None

    def _read_head(self, data: bytes) -> int:
        """Take status and framing; return where the body begins, 0 when more is to come."""
        start = 0
        for _ in range(_MOST_HEADS):
            end = data.find(b"\r\n\r\n", start)
            if end < 0:
                if len(data) > MOST_HEAD_BYTES:
                    raise BadResponse("the header section does not end")
                return 0
            head = data[start : end + 2].lower()
            start = end + 4
            if not head.startswith(b"http/1.") or not head[9:12].isdigit() or head[8:9] != b" ":
                raise BadResponse(f"not an HTTP/1.1 answer: {head[:40]!r}")
            status = int(head[9:12])
            if status >= 200:
                self._status = status
                self._read_framing(head, status)
                return start
        raise BadResponse("one interim answer after the other")

    def _read_framing(self, head: bytes, status: int) -> None:
        connection = _field(head, b"connection")
        self._is_reusable = b"close" not in connection and (
            not head.startswith(b"http/1.0") or b"keep-alive" in connection
        )
        length = _field(head, b"content-length")
        if b"chunked" in _field(head, b"transfer-encoding"):
            self._is_chunked = True
        elif status in _WITHOUT_BODY:
            self._length = 0
        elif length:
            if not length.isdigit() or len(length) > _MOST_LENGTH_DIGITS:
                raise BadResponse(f"content-length is {length[:40]!r}")
            self._length = int(length)
            if self._length > MOST_BODY_BYTES:
                raise ResponseTooLarge(f"{self._length} bytes, at most {MOST_BODY_BYTES}")
        else:
            self._is_reusable = False

    def _read_chunks(self, data: bytes) -> Response | None:
        buffer = self._buffer
        buffer += data
        position = 0
        while (end := buffer.find(b"\r\n", position)) >= 0:
            size = _chunk_size(bytes(buffer[position:end]))
            start = end + 2
            if size == 0:
                if buffer.startswith(b"\r\n", start):
                    self._is_reusable = self._is_reusable and len(buffer) == start + 2
                    return self._finish()
                trailers_end = buffer.find(b"\r\n\r\n", end)
                if trailers_end >= 0:
                    self._is_reusable = self._is_reusable and len(buffer) == trailers_end + 4
                    return self._finish()
                break
            if self._received + size > MOST_BODY_BYTES:
                raise ResponseTooLarge(f"more than {MOST_BODY_BYTES} bytes")
            if len(buffer) < start + size + 2:
                break
            if not buffer.startswith(b"\r\n", start + size):
                raise BadResponse("a chunk is longer than it says")
            if len(self._body) >= _MOST_CHUNKS:
                raise ResponseTooLarge(f"more than {_MOST_CHUNKS} chunks")
            self._take(bytes(buffer[start : start + size]))
            position = start + size + 2
        del buffer[:position]
        if len(buffer) > MOST_BODY_BYTES + MOST_HEAD_BYTES or (
            len(buffer) > MOST_HEAD_BYTES and b"\r\n" not in buffer
        ):
            raise BadResponse("a chunk or the trailer section does not end")
        return None

    def _take(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MOST_BODY_BYTES and self._length is None:
            raise ResponseTooLarge(f"more than {MOST_BODY_BYTES} bytes")
        self._body.append(data)

    def _finish(self) -> Response:
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        return Response(self._status, body, self._is_reusable)


def _field(head: bytes, name: bytes) -> bytes:
    """Return a field's value out of a lower-case header section; empty when there is none."""
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return head[start : head.find(b"\r\n", start)].strip()


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not _CHUNK_SIZE.fullmatch(digits):
        raise BadResponse(f"{line[:40]!r} is not the size of a chunk")
    return int(digits, 16)
