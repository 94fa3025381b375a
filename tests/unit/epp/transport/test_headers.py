"""Header blocks: what counts as a gRPC request, and that memoising changes nothing."""

from urllib.parse import unquote

import pytest
from hpack import Decoder, Encoder, HPACKError
from hypothesis import given
from hypothesis import strategies as st

from epp.transport import headers
from epp.transport.frames import ConnectionFault, Error
from epp.transport.headers import HeaderDecoder, RequestHead, SplitBlock, encode, examine
from epp.transport.limits import Limits

GRPC = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/a.B/C"),
    (b":authority", b"x"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc+proto"),
]
GRPC_HEAD = RequestHead(is_valid=True, path=b"/a.B/C", is_grpc=True)


def test_a_grpc_request_is_recognised() -> None:
    assert examine(GRPC) == GRPC_HEAD


@pytest.mark.parametrize(
    ("changed", "head"),
    [
        ({b":method": b"GET"}, RequestHead(is_valid=True, path=b"/a.B/C")),
        ({b"content-type": b"text/plain"}, RequestHead(is_valid=True, path=b"/a.B/C")),
        ({b"content-type": b"application/grpcx"}, RequestHead(is_valid=True, path=b"/a.B/C")),
        ({b"content-type": b"application/grpc;v=1"}, GRPC_HEAD),
        ({b"content-length": b"12"}, GRPC_HEAD._replace(content_length=12)),
    ],
)
def test_what_is_asked_for_is_read(changed: dict[bytes, bytes], head: RequestHead) -> None:
    assert examine(list((dict(GRPC) | changed).items())) == head


@pytest.mark.parametrize(
    "fields",
    [
        [],
        GRPC[1:],
        [*GRPC, (b":path", b"/again")],
        [*GRPC, (b":status", b"200")],
        [*GRPC, (b"Upper", b"1")],
        [*GRPC, (b"", b"1")],
        [*GRPC, (b"a b", b"1")],
        [*GRPC, (b"a", b"1\r\nb: 2")],
        [*GRPC, (b"connection", b"close")],
        [*GRPC, (b"te", b"gzip")],
        [*GRPC, (b"content-length", b"-1")],
        [*GRPC, (b"content-length", b"9" * 19)],
        [*GRPC, (b"content-length", b"1"), (b"content-length", b"2")],
        [(b"a", b"1"), *GRPC],
        [(name, b"" if name == b":path" else value) for name, value in GRPC],
    ],
)
def test_malformed_requests_are_told_apart(fields: list[tuple[bytes, bytes]]) -> None:
    assert not examine(fields).is_valid


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=200), st.binary(max_size=400))))
def test_what_we_encode_any_hpack_decoder_reads(fields: list[tuple[bytes, bytes]]) -> None:
    decoded = Decoder(max_header_list_size=10_000_000).decode(encode(fields), raw=True)

    assert [(bytes(name), bytes(value)) for name, value in decoded] == fields


@given(st.text(max_size=300))
def test_a_status_message_survives_its_encoding(message: str) -> None:
    block = headers.grpc_trailers(13, message)

    decoded = dict(Decoder().decode(block))
    assert decoded["grpc-status"] == "13"
    assert unquote(decoded.get("grpc-message", "")) == message.encode().decode()


def test_blocks_that_lean_on_a_dynamic_table_are_not_mixed_up() -> None:
    first, second = HeaderDecoder(65536), HeaderDecoder(65536)
    encoders = Encoder(), Encoder()
    other = [*GRPC[:2], (b":path", b"/other"), *GRPC[3:]]
    first.request(encoders[0].encode(GRPC))
    second.request(encoders[1].encode(other))

    # Both blocks are now a few indices, and the same bytes.
    blocks = encoders[0].encode(GRPC), encoders[1].encode(other)
    assert blocks[0] == blocks[1]
    assert [first.request(blocks[0]).path, second.request(blocks[1]).path] == [b"/a.B/C", b"/other"]


def test_once_the_table_is_gone_equal_blocks_are_looked_up() -> None:
    decoder = HeaderDecoder(65536)
    block = encode(GRPC)
    decoder.request(b"\x20" + block)

    assert decoder.request(block) is decoder.request(block)
    assert decoder.request(block) == GRPC_HEAD


def test_a_peer_that_keeps_the_table_after_it_was_refused_is_at_fault() -> None:
    decoder = HeaderDecoder(65536)
    decoder.table_refused()

    assert decoder.request(encode(GRPC)) == GRPC_HEAD  # silence is accepted
    with pytest.raises(HPACKError):
        decoder.request(b"\x3f\xe1\x1f" + encode(GRPC))


def test_a_list_that_unpacks_beyond_the_limit_is_refused() -> None:
    bomb = encode([*GRPC, (b"a", b"x" * 3000)]) + bytes((0x40 | 0,)) + b"\1b" + b"\x7f\x81\x16"

    with pytest.raises(HPACKError):
        HeaderDecoder(1000).request(bomb)


NAMES = st.sampled_from(
    [
        b":method",
        b":path",
        b"te",
        b"content-type",
        b"traceparent",
        b"x-y",
        b"content-length",
        b"Bad",
    ]
)
VALUES = st.one_of(
    st.sampled_from([b"POST", b"trailers", b"/a.B/C", b"application/grpc", b"12", b"", b"no"]),
    st.text("abcdef0123456789-/ ", max_size=60).map(str.encode),
)


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
    st.booleans(),
    st.booleans(),
)
def test_a_block_of_its_own_is_read_as_any_decoder_would_read_it(
    more: list[tuple[bytes, bytes]], is_coded: bool, is_first: bool
) -> None:
    fields = [*more, *GRPC] if is_first else [*GRPC, *more]
    encoder = Encoder()
    encoder.header_table_size = 0
    first, second = (encoder.encode(fields, huffman=is_coded) for _ in range(2))
    decoder = HeaderDecoder(65536)
    expected = examine(fields)

    assert decoder.request(first) == expected
    assert decoder.request(second) == expected
    HeaderDecoder._memo.clear()
    assert decoder.request(second) == expected


def test_a_block_that_asks_for_the_table_again_gets_it() -> None:
    decoder = HeaderDecoder(65536)
    encoder = Encoder()
    encoder.header_table_size = 0
    decoder.request(encoder.encode(GRPC))
    encoder.header_table_size = 4096

    for _ in range(3):
        assert decoder.request(encoder.encode([*GRPC, (b"x-new", b"1")])) == GRPC_HEAD


@pytest.mark.parametrize(
    "block",
    [
        b"\xbe",  # the first entry of a table that is empty
        b"\x80",  # there is no entry 0
        b"\x7f\x80\x80\x80\x80\x01",  # a number that does not end
        b"\x0f",  # a number cut short
        b"\x00\x05ab",  # a name cut short
        b"\x00\x01a\x05b",  # a value cut short
        b"\x00\x01a",  # no value
        b"\x00\x82\xff\xff\x00",  # a name that is no Huffman code
        b"\x82" * 600,  # small, and a list beyond the limit
    ],
)
def test_malformed_blocks_of_their_own_are_refused(block: bytes) -> None:
    decoder = HeaderDecoder(20_000)
    decoder.request(b"\x20" + encode(GRPC))

    with pytest.raises(HPACKError):
        decoder.request(block)


@given(st.binary(max_size=200), st.booleans())
def test_garbage_raises_nothing_but_hpack_errors(block: bytes, is_table_gone: bool) -> None:
    decoder = HeaderDecoder(4096)
    try:
        if is_table_gone:
            decoder.request(b"\x20" + encode(GRPC))
        decoder.request(block)
        decoder.trailers(block)
    except HPACKError:
        pass


def test_a_split_block_is_joined() -> None:
    block = SplitBlock(1, 4, b"ab", Limits())
    block.add(b"")
    block.add(b"cd")

    assert block.joined() == b"abcd"


def test_a_block_may_be_neither_too_large_nor_in_too_many_pieces() -> None:
    large = SplitBlock(1, 0, b"a" * 100, Limits(max_header_bytes=150))
    with pytest.raises(ConnectionFault) as caught:
        large.add(b"a" * 51)
    assert caught.value.error == Error.ENHANCE_YOUR_CALM

    shredded = SplitBlock(1, 0, b"", Limits(max_continuations=3))
    for _ in range(3):
        shredded.add(b"")
    with pytest.raises(ConnectionFault):
        shredded.add(b"")
