"""What Envoy gets: serialized ProcessingResponses, assembled by hand.

Most answers are constants or depend on the destination alone, so their bytes are made once. Field
numbers are those of envoy.service.ext_proc.v3; a test has the generated classes read every answer.
Header values are always ``raw_value``: Envoy's default since 1.29.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache

from epp.extproc.messages import BodyMode
from epp.extproc.wording import DROPPED_REASON, Answer

DESTINATION = "x-gateway-destination-endpoint"
DESTINATION_NAMESPACE = "envoy.lb"
SCORES = "x-gateway-destination-endpoint-scores"
PIECE_BYTES = 62_000
"""Largest piece of an echoed body; implementations of the protocol cap messages at 64 KiB."""

_MEMO = 4096


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_TAGS = [bytes((number << 3 | 2,)) for number in range(16)]
_LENGTHS = [_varint(length) for length in range(1024)]


def field(number: int, payload: bytes) -> bytes:
    """Return a length-delimited protobuf field with a number below 16."""
    size = len(payload)
    return _TAGS[number] + (_LENGTHS[size] if size < 1024 else _varint(size)) + payload


def _common(mutation: bytes = b"", body: bytes = b"", *, clear_route_cache: bool = False) -> bytes:
    """Return HeadersResponse or BodyResponse (the same shape) with this CommonResponse."""
    content = field(2, mutation) if mutation else b""
    if body:
        content += field(3, body)
    return field(1, content + b"\x28\x01" if clear_route_cache else content)


def set_header(name: str, value: str) -> bytes:
    """Return an entry of a HeaderMutation that sets a header."""
    return field(1, field(1, field(1, name.encode()) + field(3, value.encode())))


def remove_header(name: str) -> bytes:
    """Return an entry of a HeaderMutation that removes a header."""
    return field(2, name.encode())


_set_destination = lru_cache(_MEMO)(lambda destination: set_header(DESTINATION, destination))


@lru_cache(_MEMO)
def _destination_metadata(destination: str) -> bytes:
    """Return ``dynamic_metadata``: the same value as the header, in Envoy's own namespace."""
    inner = _struct(DESTINATION, field(3, destination.encode()))
    return field(8, _struct(DESTINATION_NAMESPACE, field(5, inner)))


def scored_metadata(destination: str, scores: Mapping[str, float]) -> bytes:
    """Return the same with the scores of endpoints by address beside it (llm-d-router)."""
    by_address = b"".join(_struct(address, _value(score)) for address, score in scores.items())
    inner = _struct(DESTINATION, field(3, destination.encode()))
    inner += _struct(SCORES, field(5, by_address))
    return field(8, _struct(DESTINATION_NAMESPACE, field(5, inner)))


def _struct(key: str, value: bytes) -> bytes:
    return field(1, field(1, key.encode()) + field(2, value))


def dynamic_metadata(values: Mapping[str, Mapping[str, float | str]]) -> bytes:
    """Return ``dynamic_metadata`` with these values by namespace and name."""
    return field(
        8,
        b"".join(
            _struct(
                namespace,
                field(5, b"".join(_struct(name, _value(value)) for name, value in named.items())),
            )
            for namespace, named in values.items()
        ),
    )


def _value(value: float | str) -> bytes:
    if isinstance(value, str):
        return field(3, value.encode())
    return b"\x11" + struct.pack("<d", value)


def mode_override(
    request_body: BodyMode, response_body: BodyMode, *, sends_response_headers: bool
) -> bytes:
    """Return ``mode_override``, which replaces the whole configured mode."""
    mode = bytes((0x10, 1 if sends_response_headers or response_body else 2))  # SEND or SKIP
    if request_body:
        mode += bytes((0x18, request_body))
    if response_body:
        mode += bytes((0x20, response_body))
    return field(9, mode)


def request_headers(mutation: bytes = b"", override: bytes = b"") -> bytes:
    """Return an answer to request headers that decides nothing yet."""
    return field(1, _common(mutation)) + override


@lru_cache
def continue_with(override: bytes) -> bytes:
    """Return the same with nothing but a ``mode_override``."""
    return request_headers(b"", override)


@lru_cache(_MEMO)
def content_length(size: int) -> bytes:
    """Return the entry of a HeaderMutation that sets ``content-length``."""
    return set_header("content-length", str(size))


def routed_headers(
    destination: str, mutation: bytes = b"", override: bytes = b"", metadata: bytes = b""
) -> bytes:
    """Return the answer to request headers that names the destination.

    Args:
        destination: ``ip:port``, or several joined by commas.
        mutation: more entries for the HeaderMutation.
        override: a ``mode_override`` or nothing.
        metadata: ``dynamic_metadata``, if it is not the destination alone.
    """
    headers = _common(_set_destination(destination) + mutation, clear_route_cache=True)
    return field(1, headers) + (metadata or _destination_metadata(destination)) + override


@lru_cache(_MEMO)
def routed_headers_of(destination: str, size: int) -> bytes:
    """Return the usual answer to request headers whose body of ``size`` bytes is sent again."""
    return routed_headers(destination, content_length(size) if size else b"")


@lru_cache(_MEMO)
def routed_body(destination: str, mutation: bytes = b"", metadata: bytes = b"") -> bytes:
    """Return the answer to a BUFFERED request body that leaves the body as it is.

    Args:
        destination: ``ip:port``, or several joined by commas.
        mutation: more entries for the HeaderMutation.
        metadata: ``dynamic_metadata``, if it is not the destination alone.
    """
    body = _common(_set_destination(destination) + mutation, clear_route_cache=True)
    return field(3, body) + (metadata or _destination_metadata(destination))


def routed_new_body(
    destination: str, body: bytes, mutation: bytes = b"", metadata: bytes = b""
) -> bytes:
    """Return the answer to a BUFFERED request body that replaces it.

    Envoy refuses a body whose length is not the content-length, so both are set here.
    """
    changes = _set_destination(destination) + content_length(len(body)) + mutation
    response = _common(changes, field(1, body), clear_route_cache=True)
    return field(3, response) + (metadata or _destination_metadata(destination))


def new_chunk(body: bytes) -> bytes:
    """Return the answer to a STREAMED request chunk that replaces it."""
    return field(3, _common(body=field(1, body) if body else b"\x10\x01"))


def response_headers(mutation: bytes = b"") -> bytes:
    """Return the answer to response headers, with more entries for its HeaderMutation."""
    return field(2, _common(set_header("x-went-into-resp-headers", "true") + mutation))


def new_response_chunk(body: bytes, mutation: bytes = b"") -> bytes:
    """Return the answer to a response chunk that replaces it."""
    return field(4, _common(mutation, field(1, body) if body else b"\x10\x01"))


def request_pieces(body: bytes, *, is_last: bool) -> Sequence[bytes]:
    """Return the echo of a FULL_DUPLEX_STREAMED request body."""
    return _pieces(3, body, is_last=is_last)


def response_pieces(body: bytes, *, is_last: bool) -> Sequence[bytes]:
    """Return the echo of a FULL_DUPLEX_STREAMED response chunk."""
    return _pieces(4, body, is_last=is_last)


def _pieces(number: int, body: bytes, *, is_last: bool) -> Sequence[bytes]:
    """Cut a body into pieces; the empty body is one empty piece."""
    size = len(body)
    if size <= PIECE_BYTES:
        return (_piece(number, body, is_last=is_last),)
    return [
        _piece(number, body[at : at + PIECE_BYTES], is_last=is_last and at + PIECE_BYTES >= size)
        for at in range(0, size, PIECE_BYTES)
    ]


def _piece(number: int, body: bytes, *, is_last: bool) -> bytes:
    if is_last:
        return _piece_head(number, len(body), 2) + body + b"\x10\x01"
    return _piece_head(number, len(body), 0) + body


@lru_cache(_MEMO)
def _piece_head(number: int, size: int, tail: int) -> bytes:
    """Return what stands before the bytes of a StreamedBodyResponse, all lengths included."""
    head = b"\x0a" + _varint(size) if size else b""
    for outer in (3, 3, 1, number):  # streamed_response, body_mutation, response, the message
        head = bytes((outer << 3 | 2,)) + _varint(len(head) + size + tail) + head
    return head


def echo_head(size: int) -> bytes:
    """Return what makes a reply of a response body's own bytes.

    HttpBody and StreamedBodyResponse have the same fields: so the serialized HttpBody of ``size``
    bytes, put behind this, is the reply that echoes it.
    """
    head = b""
    for outer in (3, 3, 1, 4):  # streamed_response, body_mutation, response, response_body
        head = bytes((outer << 3 | 2,)) + _varint(len(head) + size) + head
    return head


def immediate(answer: Answer) -> bytes:
    """Return the answer that ends the exchange: a status and a plain-text body."""
    content = field(1, b"\x08" + _varint(answer.status))
    if answer.reason:
        content += field(2, set_header(DROPPED_REASON, answer.reason))
    return field(7, content + field(3, answer.body))


CONTINUE_REQUEST_HEADERS = request_headers()
CONTINUE_REQUEST_BODY = field(3, _common())
CONTINUE_RESPONSE_BODY = field(4, _common())
REQUEST_TRAILERS = field(5, b"")
RESPONSE_TRAILERS = field(6, b"")
RESPONSE_HEADERS = response_headers()
