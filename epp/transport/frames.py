"""HTTP/2 frame types, flags, settings and error codes (RFC 9113 sections 6, 7 and 11)."""

import struct
from enum import IntEnum
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_BYTES: Final = 9

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
HAS_PRIORITY: Final = 0x20

SETTINGS_HEADER_TABLE_SIZE: Final = 1
SETTINGS_ENABLE_PUSH: Final = 2
SETTINGS_MAX_CONCURRENT_STREAMS: Final = 3
SETTINGS_INITIAL_WINDOW_SIZE: Final = 4
SETTINGS_MAX_FRAME_SIZE: Final = 5
SETTINGS_MAX_HEADER_LIST_SIZE: Final = 6

DEFAULT_WINDOW: Final = 65_535
MAX_WINDOW: Final = 2**31 - 1
MAX_STREAM_ID: Final = 2**31 - 1
DEFAULT_MAX_FRAME: Final = 16_384
LARGEST_MAX_FRAME: Final = 2**24 - 1


class Error(IntEnum):
    """HTTP/2 error codes."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class ConnectionFault(Exception):
    """The peer broke a rule in a way that ends the connection."""

    def __init__(self, error: Error, reason: str) -> None:
        super().__init__(reason)
        self.error = error


# Length (24 bits) and type (8 bits) as one number, flags, stream id.
_HEADER: Final = struct.Struct(">LBL")
pack_header: Final = _HEADER.pack
unpack_header: Final = _HEADER.unpack_from


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Return one whole frame."""
    return pack_header(len(payload) << 8 | kind, flags, stream_id) + payload


def rst_stream(stream_id: int, error: Error) -> bytes:
    """Return a RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream_id, error.to_bytes(4, "big"))


def goaway(last_stream_id: int, error: Error, debug: bytes = b"") -> bytes:
    """Return a GOAWAY frame."""
    payload = last_stream_id.to_bytes(4, "big") + error.to_bytes(4, "big") + debug
    return frame(GOAWAY, 0, 0, payload)


def window_update(stream_id: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4, "big"))


def settings(values: dict[int, int]) -> bytes:
    """Return a SETTINGS frame."""
    payload = b"".join(struct.pack(">HL", key, value) for key, value in values.items())
    return frame(SETTINGS, 0, 0, payload)


SETTINGS_ACK: Final = frame(SETTINGS, ACK, 0)


def without_padding(payload: bytes) -> bytes:
    """Return the payload of a PADDED frame without its padding (section 6.1).

    Raises:
        ConnectionFault: the padding does not fit into the frame.
    """
    if not payload:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, "no pad length")
    padding = payload[0]
    if padding >= len(payload):
        raise ConnectionFault(Error.PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - padding]


def without_priority(stream_id: int, payload: bytes) -> bytes:
    """Return the payload of a HEADERS frame without its priority fields (section 6.2).

    Raises:
        ConnectionFault: the fields are cut short or make the stream depend on itself.
    """
    if len(payload) < 5:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, "HEADERS too short for its priority")
    if int.from_bytes(payload[:4], "big") & MAX_STREAM_ID == stream_id:
        raise ConnectionFault(Error.PROTOCOL_ERROR, "a stream depends on itself")
    return payload[5:]
