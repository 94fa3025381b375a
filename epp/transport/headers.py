"""Header blocks: decoding (memoised), the request rules of HTTP/2, and the blocks we send."""

import re
from typing import ClassVar, Final, NamedTuple

from hpack import Decoder, HPACKError

from epp.transport.frames import ConnectionFault, Error
from epp.transport.limits import Limits
from epp.transport.literals import read_block

_CONNECTION_SPECIFIC: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
# Section 8.2.1: no controls, blanks, capitals or colons in a name, and no line ends in a value.
_NAME: Final = re.compile(rb"[^\x00-\x20:A-Z\x7f-\xff]+")
_FORBIDDEN_IN_VALUE: Final = re.compile(rb"[\r\n\0]")
_PSEUDO: Final = frozenset((b":method", b":scheme", b":path", b":authority"))
_WANTED: Final = _PSEUDO | _CONNECTION_SPECIFIC | {b"te", b"content-type", b"content-length"}
_MEMO_ENTRIES: Final = 1024
_MEMO_BLOCK_BYTES: Final = 4096


class RequestHead(NamedTuple):
    """What the transport needs of a request's header block.

    Attributes:
        is_valid: follows RFC 9113 section 8.3; otherwise the stream is reset.
        path: ``/package.Service/Method`` for gRPC.
        is_grpc: POST with content-type ``application/grpc`` or ``application/grpc+...``.
        content_length: declared body size, -1 when absent.
    """

    is_valid: bool
    path: bytes = b""
    is_grpc: bool = False
    content_length: int = -1


INVALID: Final = RequestHead(is_valid=False)


def examine(fields: list[tuple[bytes, bytes]]) -> RequestHead:
    """Check a request's header list (RFC 9113 sections 8.2 and 8.3) and read what matters."""
    pseudo: dict[bytes, bytes] = {}
    content_type = b""
    content_length = -1
    in_pseudo = True
    for name, value in fields:
        if name.startswith(b":"):
            if not in_pseudo or name not in _PSEUDO or name in pseudo:
                return INVALID
            pseudo[name] = value
            continue
        in_pseudo = False
        if not _is_plain(name, value):
            return INVALID
        if name == b"content-type":
            content_type = value
        elif name == b"content-length":
            if not value.isdigit() or len(value) > 18 or content_length not in (-1, int(value)):
                return INVALID
            content_length = int(value)
    path = pseudo.get(b":path", b"")
    if not path or b":method" not in pseudo or b":scheme" not in pseudo:
        return INVALID
    is_grpc = pseudo[b":method"] == b"POST" and (
        content_type == b"application/grpc"
        or content_type.startswith((b"application/grpc+", b"application/grpc;"))
    )
    return RequestHead(is_valid=True, path=path, is_grpc=is_grpc, content_length=content_length)


def are_valid_trailers(fields: list[tuple[bytes, bytes]]) -> bool:
    """Say whether a trailer list is acceptable: no pseudo-headers, names in lower case."""
    return all(not name.startswith(b":") and _is_plain(name, value) for name, value in fields)


def _is_plain(name: bytes, value: bytes) -> bool:
    return (
        _NAME.fullmatch(name) is not None
        and name not in _CONNECTION_SPECIFIC
        and (name != b"te" or value == b"trailers")
        and _FORBIDDEN_IN_VALUE.search(value) is None
    )


class HeaderDecoder:
    """Decodes the header blocks of one connection.

    Once a gRPC client has applied the header table size of 0 that we announce, every block stands
    alone and equal bytes mean equal headers: such blocks are looked up instead of decoded. gRPC
    clients send the same block for each call, so nearly all are found; those of a peer that traces
    its calls are read without the values that nobody asks for. A peer that never announces the
    change (Go's encoder does not) is decoded with the default table, block by block.
    """

    __slots__ = ("_decoder", "_is_table_refused", "_max_list_bytes", "_stands_alone")

    # Shared on purpose: blocks stand alone.
    _memo: ClassVar[dict[bytes, RequestHead]] = {}

    def __init__(self, max_list_bytes: int) -> None:
        self._max_list_bytes = max_list_bytes
        self._decoder = Decoder(max_header_list_size=max_list_bytes)
        self._is_table_refused = False
        self._stands_alone = False

    def table_refused(self) -> None:
        """The peer knows that the table size is 0 and may not ask for more."""
        self._is_table_refused = True

    def request(self, block: bytes) -> RequestHead:
        """Decode a request's block.

        Raises:
            HPACKError: the block is malformed; the connection cannot go on.
        """
        if not self._stands_alone:
            return examine(self._fields(block))
        memo = self._memo
        head = memo.get(block)
        if head is None:
            fields = read_block(block, _WANTED, self._max_list_bytes)
            head = examine(self._fields(block) if fields is None else fields)
            if len(block) <= _MEMO_BLOCK_BYTES and self._stands_alone:
                if len(memo) >= _MEMO_ENTRIES:
                    memo.clear()
                memo[block] = head
        return head

    def trailers(self, block: bytes) -> bool:
        """Decode a trailer block; say whether it is acceptable.

        Raises:
            HPACKError: the block is malformed; the connection cannot go on.
        """
        return are_valid_trailers(self._fields(block))

    def _fields(self, block: bytes) -> list[tuple[bytes, bytes]]:
        try:
            fields = self._decoder.decode(block, raw=True)
        except HPACKError:
            raise
        except Exception as error:  # hpack lets IndexError and the like through on some garbage
            raise HPACKError(str(error)) from error
        self._stands_alone = self._decoder.header_table_size == 0
        # hpack's own check would also refuse peers that keep the default table in silence.
        is_size_update = bool(block) and block[0] & 0xE0 == 0x20
        if self._is_table_refused and is_size_update and not self._stands_alone:
            raise HPACKError("the header table size is 0 here")
        return [(bytes(name), bytes(value)) for name, value in fields]


class SplitBlock:
    """A header block that comes in several frames.

    Attributes:
        stream_id: no other frame may come until the block is complete.
        flags: those of the HEADERS frame that began it.
    """

    __slots__ = ("_fragments", "_limits", "_size", "flags", "stream_id")

    def __init__(self, stream_id: int, flags: int, fragment: bytes, limits: Limits) -> None:
        self.stream_id = stream_id
        self.flags = flags
        self._fragments = [fragment]
        self._size = len(fragment)
        self._limits = limits

    def add(self, fragment: bytes) -> None:
        """Take the fragment of a CONTINUATION frame.

        Raises:
            ConnectionFault: the block is too large, or split into too many frames.
        """
        self._fragments.append(fragment)
        self._size += len(fragment)
        if (
            self._size > self._limits.max_header_bytes
            or len(self._fragments) > self._limits.max_continuations + 1
        ):
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "header block too large")

    def joined(self) -> bytes:
        """Return the whole block."""
        return b"".join(self._fragments)


def encode(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return a block of literals without indexing (RFC 7541 section 6.2.2).

    It touches no dynamic table, so one block can be sent at any time, on any connection.
    """
    return b"".join(b"\x00" + _string(name) + _string(value) for name, value in fields)


def _string(text: bytes) -> bytes:
    """Encode a string literal without Huffman coding (RFC 7541 sections 5.1 and 5.2)."""
    size = len(text)
    if size < 127:
        return bytes((size,)) + text
    rest = size - 127
    prefix = [127]
    while rest >= 128:
        prefix.append(rest & 127 | 128)
        rest >>= 7
    prefix.append(rest)
    return bytes(prefix) + text


GRPC_HEAD: Final = encode([(b":status", b"200"), (b"content-type", b"application/grpc")])
NOT_GRPC: Final = b"this port speaks gRPC only\n"
NOT_GRPC_HEAD: Final = encode(
    [
        (b":status", b"415"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"%d" % len(NOT_GRPC)),
    ]
)


def grpc_trailers(status: int, message: str) -> bytes:
    """Return the trailer block that ends a call (gRPC over HTTP/2: Trailers)."""
    fields = [(b"grpc-status", b"%d" % status)]
    if message:
        fields.append((b"grpc-message", _percent_encode(message).encode()))
    return encode(fields)


def _percent_encode(message: str) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}"
        for byte in message.encode()
    )


OK_TRAILERS: Final = grpc_trailers(0, "")
