"""Messages cut up at their ends mean the same as messages read as a whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp._generated import gaie_extproc_pb2 as wire
from epp.extproc.messages import Malformed, Message, decode, decode_any

SIZES = st.sampled_from([0, 1, 2, 125, 126, 127, 128, 16_382, 16_383, 16_384, 2**21])
HEADERS = st.lists(
    st.tuples(st.sampled_from([":path", "x-request-id", "content-length"]), st.text(max_size=9)),
    max_size=4,
)
METADATA = st.sampled_from(
    [
        None,
        wire.Metadata(),
        wire.Metadata(filter_metadata={"envoy.lb": {}}),
        wire.Metadata(filter_metadata={"envoy.lb.subset_hint": {}}),
    ]
)
PROTOCOLS = st.none() | st.builds(
    wire.ProtocolConfiguration,
    request_body_mode=st.integers(0, 5),
    response_body_mode=st.integers(0, 5),
    send_body_without_waiting_for_header_response=st.booleans(),
)


def _header_block(entries: list[tuple[str, str]], *, is_last: bool) -> wire.HttpHeaders:
    values = [wire.HeaderValue(key=key, raw_value=value.encode()) for key, value in entries]
    return wire.HttpHeaders(headers=wire.HeaderMap(headers=values), end_of_stream=is_last)


BODIES = st.builds(
    lambda size, is_last: wire.HttpBody(body=b"\x0a" * size, end_of_stream=is_last),
    SIZES,
    st.booleans(),
)
BLOCKS = st.builds(
    lambda entries, last: _header_block(entries, is_last=last), HEADERS, st.booleans()
)
CONTENTS = st.one_of(
    BODIES.map(lambda body: {"request_body": body}),
    BODIES.map(lambda body: {"response_body": body}),
    BLOCKS.map(lambda block: {"request_headers": block}),
    BLOCKS.map(lambda block: {"response_headers": block}),
    st.just({"request_trailers": wire.HttpTrailers()}),
    st.just({}),
)
MESSAGES = st.builds(
    lambda content, metadata, protocol: wire.ProcessingRequest(
        metadata_context=metadata, protocol_config=protocol, **content
    ).SerializeToString(),
    CONTENTS,
    METADATA,
    PROTOCOLS,
)


def _read(decoder: Any, data: bytes) -> Any:
    try:
        message: Message = decoder(data)
    except Malformed as error:
        return str(error)
    kind, headers, body, is_last, extras = message
    return kind, dict(headers), body, is_last, extras


@given(MESSAGES)
def test_a_message_means_the_same_cut_up_and_as_a_whole(data: bytes) -> None:
    assert _read(decode, data) == _read(decode_any, data)


@given(MESSAGES, MESSAGES, st.integers(0, 12))
def test_messages_run_together_or_cut_short_mean_the_same(
    first: bytes, second: bytes, missing: int
) -> None:
    data = first[: len(first) - missing] + second

    cut_up = _read(decode, data)

    # Headers are not read unless somebody asks: those that cannot be are none.
    if _read(decode_any, data) != "not a ProcessingRequest" or cut_up[0] not in (2, 3):
        assert cut_up == _read(decode_any, data)


@given(st.binary(max_size=24))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    cut_up, whole = _read(decode, data), _read(decode_any, data)

    if whole != "not a ProcessingRequest" or cut_up[0] not in (2, 3):
        assert cut_up == whole


@pytest.mark.parametrize(
    "rest",
    [
        b"\x22\x04\x0a\x02no",  # another body
        b"\x22\x02\x0a\x00",  # an empty one
        b"\x12\x00",  # headers instead
        b"\x12\x00\x22\x00",  # and a body again
    ],
)
def test_a_body_that_is_said_twice_is_read_as_a_whole(rest: bytes) -> None:
    data = wire.ProcessingRequest(request_body=wire.HttpBody(body=b"yes")).SerializeToString()

    assert _read(decode, data + rest) == _read(decode_any, data + rest)
