"""What Envoy sends: serialized ProcessingRequests to small types of our own.

Source: envoy.service.ext_proc.v3. The only module here that knows the generated classes.
"""

from enum import IntEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from google.protobuf.message import DecodeError

from epp._generated import gaie_extproc_pb2 as wire
from epp.extproc.headers import Headers

SUBSET_NAMESPACE = "envoy.lb.subset_hint"
SUBSET_KEY = "x-gateway-destination-endpoint-subset"
SERVED_NAMESPACE = "envoy.lb"
SERVED_KEY = "x-gateway-destination-endpoint-served"


Kind = Literal[
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
]
"""What a message is about: the name of its field."""


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


class Message(NamedTuple):
    """One message of Envoy's.

    Attributes:
        kind: what it is about.
        headers: names as Envoy sends them, in lower case; the last value of a repeated one. Empty
            for bodies and trailers.
        body: the bytes of a body message.
        is_last: nothing of this direction follows.
        metadata: None when the message carries none (Envoy often sends it empty).
        protocol: None but in the first message (and there, too, from Envoys that do not know it).
    """

    kind: Kind
    headers: Headers
    body: bytes
    is_last: bool
    metadata: Metadata | None
    protocol: Protocol | None


class Malformed(ValueError):
    """Bytes that are no ProcessingRequest, or one that is not understood."""


NO_HEADERS = Headers(b"", wire.HttpHeaders())


def decode(data: bytes) -> Message:
    """Read one serialized ProcessingRequest.

    Raises:
        Malformed: not one, without content, or of a body mode that is not supported.
    """
    try:
        request = wire.ProcessingRequest.FromString(data)
    except DecodeError:
        raise Malformed("not a ProcessingRequest") from None
    kind = request.WhichOneof("request")
    headers, body, is_last = NO_HEADERS, b"", True
    if kind in {"request_body", "response_body"}:
        chunk = request.response_body if kind == "response_body" else request.request_body
        body = chunk.body
        is_last = chunk.end_of_stream
    elif kind in {"request_headers", "response_headers"}:
        block = request.request_headers if kind == "request_headers" else request.response_headers
        headers = Headers(data, block)
        is_last = block.end_of_stream
    elif kind is None:
        raise Malformed("a ProcessingRequest without content")
    return Message(
        kind,
        headers,
        body,
        is_last,
        _metadata(request.metadata_context) if request.HasField("metadata_context") else None,
        _protocol(request.protocol_config) if request.HasField("protocol_config") else None,
    )


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
