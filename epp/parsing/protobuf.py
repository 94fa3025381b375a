"""Reads the few protobuf fields of requests and responses that are gRPC messages.

A gRPC message on the wire is one byte that says whether it is compressed, four bytes of length, and
the protobuf message (gRPC over HTTP/2). Fields are read without any generated class: the messages
are other projects', of which we need two or three fields each.
"""

from collections.abc import Iterator

PREFIX_BYTES = 5

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


class NotProtobuf(ValueError):
    """Bytes that cannot be read as what they should be."""


def grpc_message(body: bytes) -> bytes:
    """Return the one message that a request's body is.

    Raises:
        NotProtobuf: it is cut off, compressed, or followed by something.
    """
    if len(body) < PREFIX_BYTES:
        raise NotProtobuf("the gRPC frame is shorter than its header")
    if body[0]:
        raise NotProtobuf("the gRPC message is compressed, which is not supported")
    size = int.from_bytes(body[1:PREFIX_BYTES], "big")
    if size != len(body) - PREFIX_BYTES:
        found = len(body) - PREFIX_BYTES
        raise NotProtobuf(f"the gRPC frame announces {size} bytes and has {found}")
    return body[PREFIX_BYTES:]


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and value of each field: integers for varints, bytes for all others.

    Raises:
        NotProtobuf: this is no protobuf message.
    """
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise NotProtobuf(f"wire type {kind} is not known")
        if at + size > end:
            raise NotProtobuf("a field is longer than its message")
        yield tag >> 3, message[at : at + size]
        at += size


def last(message: bytes, number: int) -> bytes | None:
    """Return the bytes of the last field of a number; None when there is none.

    Raises:
        NotProtobuf: this is no protobuf message.
    """
    found: bytes | None = None
    for field, value in fields(message):
        if field == number and isinstance(value, bytes):
            found = value
    return found


def counts(message: bytes) -> dict[int, int]:
    """Return the integers of a message by field number, the last of each.

    Raises:
        NotProtobuf: this is no protobuf message.
    """
    return {field: value for field, value in fields(message) if isinstance(value, int)}


def integers(message: bytes, number: int) -> list[int]:
    """Return a repeated integer field, packed or not.

    Raises:
        NotProtobuf: this is no protobuf message.
    """
    found: list[int] = []
    for field, value in fields(message):
        if field != number:
            continue
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            one, at = _varint(value, at)
            found.append(one)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    for byte in data[at : at + _MAX_VARINT_BYTES]:
        number |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            return number, at
    raise NotProtobuf("a number is cut off or too long")
