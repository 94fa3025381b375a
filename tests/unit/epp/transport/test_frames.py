"""Frames are written and read as RFC 9113 section 4.1 lays them out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.transport import frames
from epp.transport.frames import ConnectionFault, Error


@given(
    kind=st.integers(0, 255),
    flags=st.integers(0, 255),
    stream_id=st.integers(0, frames.MAX_STREAM_ID),
    payload=st.binary(max_size=70_000),
)
def test_a_frame_reads_back_as_it_was_written(
    kind: int, flags: int, stream_id: int, payload: bytes
) -> None:
    data = frames.frame(kind, flags, stream_id, payload)

    size, read_flags, read_stream_id = frames.unpack_header(data)
    assert (size & 0xFF, size >> 8) == (kind, len(payload))
    assert (read_flags, read_stream_id) == (flags, stream_id)
    assert data[frames.HEADER_BYTES :] == payload


def test_the_layout_is_the_one_of_the_rfc() -> None:
    actual = frames.frame(frames.WINDOW_UPDATE, 0, 5, b"\0\0\1\0")

    assert actual == bytes.fromhex("000004 08 00 00000005 00000100")


def test_settings_stand_in_order() -> None:
    actual = frames.settings(
        {frames.SETTINGS_ENABLE_PUSH: 0, frames.SETTINGS_MAX_FRAME_SIZE: 16384}
    )

    assert actual == bytes.fromhex("00000c 04 00 00000000 0002 00000000 0005 00004000")


@given(content=st.binary(max_size=300), padding=st.integers(0, 255))
def test_padding_is_taken_off(content: bytes, padding: int) -> None:
    padded = bytes((padding,)) + content + bytes(padding)

    assert frames.without_padding(padded) == content


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", Error.FRAME_SIZE_ERROR),
        (b"\1", Error.PROTOCOL_ERROR),
        (b"\5abcde"[:-1], Error.PROTOCOL_ERROR),
    ],
)
def test_padding_that_does_not_fit_ends_the_connection(payload: bytes, error: Error) -> None:
    with pytest.raises(ConnectionFault) as caught:
        frames.without_padding(payload)

    assert caught.value.error == error
