"""What Envoy sends: serialized ProcessingRequests to small types of our own.

Source: envoy.service.ext_proc.v3. The only module here that knows the generated classes.
"""

from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from epp._generated import gaie_extproc_pb2 as wire
from epp.extproc.headers import Headers

SUBSET_NAMESPACE = "envoy.lb.subset_hint"
SUBSET_KEY = "x-gateway-destination-endpoint-subset"
SERVED_NAMESPACE = "envoy.lb"
SERVED_KEY = "x-gateway-destination-endpoint-served"


# What a message is about: the number of its field. Even ones belong to the request.
REQUEST_HEADERS: Final = 2
RESPONSE_HEADERS: Final = 3
REQUEST_BODY: Final = 4
RESPONSE_BODY: Final = 5
REQUEST_TRAILERS: Final = 6
RESPONSE_TRAILERS: Final = 7


class BodyMode(IntEnum):
    """How Envoy hands a body over (ProcessingMode.BodySendMode)."""

    NONE = 0
    STREAMED = 1
    BUFFERED = 2
    BUFFERED_PARTIAL = 3
    FULL_DUPLEX_STREAMED = 4


class Protocol(NamedTuple):
    """The protocol configuration that comes with a stream's first message.

    Attributes:
        request_body: how request bodies come.
        response_body: how response bodies come.
        is_eager: in STREAMED mode the body comes before the headers are answered.
    """

    request_body: BodyMode
    response_body: BodyMode
    is_eager: bool = False


class Metadata(NamedTuple):
    """What the gateway says beside a message.

    Attributes:
        subset: addresses the endpoint must be among; None when nothing is said.
        served: the endpoint that served the request, ``ip:port``, or empty.
    """

    subset: tuple[str, ...] | None = None
    served: str = ""


class Extras(NamedTuple):
    """What comes beside a message's content.

    Attributes:
        metadata: None when the message carries none (Envoy often sends it empty).
        protocol: None but in the first message (and there, too, from Envoys that do not know it).
    """

    metadata: Metadata | None
    protocol: Protocol | None


Message = tuple[int, Headers, bytes, bool, Extras | None]
"""One message of Envoy's: what it is about, its headers (none but in header messages), its body
(the same), whether nothing of its direction follows, and what else it says, None for nothing."""


class Malformed(ValueError):
    """Bytes that are no ProcessingRequest, or one that is not understood."""


EMPTY_METADATA: Final = b"\x42\x00"
"""How a message ends for which the gateway has no metadata."""

NO_HEADERS: Final = Headers(b"")
SHAPE_BYTES: Final = 8
_LENGTH_DELIMITED: Final = 2  # the protobuf wire type
_MAX_REST_BYTES: Final = 128
_MEMO: Final = 4096
UNUSUAL: Final = (0, 0, -_MAX_REST_BYTES - 1, 0)
"""The shape of a message that cannot be cut up: its end suits no size."""


def decode(data: bytes) -> Message:
    """Read one serialized ProcessingRequest.

    Messages differ in their content, but hardly in what stands before and behind it. So both are
    read once and remembered, and the content is cut out; ``decode_any`` says what is right.

    Raises:
        Malformed: not one, without content, or of a body mode that is not supported. (Headers are
            not read here; those that cannot be read are none.)
    """
    kind, start, end, left = shape(data[:SHAPE_BYTES])
    if end <= len(data) <= end + _MAX_REST_BYTES:
        rest = _rest(kind, left, data[end:])
        if rest is not None:
            is_last, extras = rest
            if kind >= REQUEST_BODY:
                return kind, NO_HEADERS, data[start:end], is_last, extras
            return kind, Headers(data), b"", is_last, extras
    return decode_any(data)


@lru_cache(_MEMO)
def shape(head: bytes) -> tuple[int, int, int, int]:
    """Return what the first ``SHAPE_BYTES`` of a message with headers or a body tell.

    Returns:
        What it is about, where its content (a HeaderMap, or the bytes of a body) begins and ends,
        and how many bytes of the field stand behind that; ``UNUSUAL`` if it is.
    """
    try:
        kind = head[0] >> 3
        if head[0] & 7 != _LENGTH_DELIMITED or not REQUEST_HEADERS <= kind <= RESPONSE_BODY:
            return UNUSUAL
        size, start = _varint(head, 1)
        end = start + size
        if not size or head[start] != 1 << 3 | _LENGTH_DELIMITED:
            return kind, start, start, size
        size, start = _varint(head, start + 1)
    except IndexError:
        return UNUSUAL
    return (kind, start, start + size, end - start - size) if start + size <= end else UNUSUAL


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number below 2 MiB and where it ends; larger ones are an IndexError."""
    number = 0
    for shift in (0, 7, 14):
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise IndexError


@lru_cache(_MEMO)
def _rest(kind: int, left: int, rest: bytes) -> tuple[bool, Extras | None] | None:
    """Return what stands behind the content of a message, of which ``left`` bytes are its field's.

    None if that changes the content: then the message must be read as a whole.
    """
    if left >= 0x80:
        return None
    emptied = bytes((kind << 3 | _LENGTH_DELIMITED, left)) + rest
    try:
        _, headers, body, is_last, extras = decode_any(emptied)
        # What is encoded in the one canonical way says nothing twice.
        is_plain = wire.ProcessingRequest.FromString(emptied).SerializeToString() == emptied
    except (Malformed, DecodeError):
        return None
    if body or headers or not is_plain:
        return None
    return is_last, extras


def decode_any(data: bytes) -> Message:
    """Do what ``decode`` does for whatever message.

    Raises:
        Malformed: as ``decode``, and headers that cannot be read.
    """
    try:
        request = wire.ProcessingRequest.FromString(data)
    except DecodeError:
        raise Malformed("not a ProcessingRequest") from None
    name = request.WhichOneof("request")
    if name is None:
        raise Malformed("a ProcessingRequest without content")
    kind = request.DESCRIPTOR.fields_by_name[name].number
    headers, body, is_last = NO_HEADERS, b"", True
    if kind in (REQUEST_BODY, RESPONSE_BODY):
        chunk = request.response_body if kind == RESPONSE_BODY else request.request_body
        body, is_last = chunk.body, chunk.end_of_stream
    elif kind in (REQUEST_HEADERS, RESPONSE_HEADERS):
        is_response = kind == RESPONSE_HEADERS
        block = request.response_headers if is_response else request.request_headers
        headers, is_last = Headers(data), block.end_of_stream
    metadata = _metadata(request.metadata_context) if request.HasField("metadata_context") else None
    protocol = _protocol(request.protocol_config) if request.HasField("protocol_config") else None
    extras = Extras(metadata, protocol) if metadata or protocol else None
    return kind, headers, body, is_last, extras


def _protocol(config: wire.ProtocolConfiguration) -> Protocol:
    return _modes(
        config.request_body_mode,
        config.response_body_mode,
        config.send_body_without_waiting_for_header_response,
    )


@lru_cache(maxsize=64)
def _modes(request_body: int, response_body: int, is_eager: bool) -> Protocol:  # noqa: FBT001 # positional for the cache's speed
    try:
        return Protocol(BodyMode(request_body), BodyMode(response_body), is_eager)
    except ValueError:
        raise Malformed(
            f"body modes {request_body} and {response_body}: at least one is not supported"
        ) from None


def _metadata(context: wire.Metadata) -> Metadata | None:
    namespaces = context.filter_metadata
    if not namespaces:
        return None
    subset = None
    if SUBSET_NAMESPACE in namespaces:
        fields = namespaces[SUBSET_NAMESPACE].fields
        if SUBSET_KEY in fields and fields[SUBSET_KEY].HasField("list_value"):
            values = fields[SUBSET_KEY].list_value.values
            subset = tuple(v.string_value for v in values if v.HasField("string_value"))
    served = ""
    if SERVED_NAMESPACE in namespaces:
        fields = namespaces[SERVED_NAMESPACE].fields
        if SERVED_KEY in fields:
            served = fields[SERVED_KEY].string_value
    return Metadata(subset, served)
