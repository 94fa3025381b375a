"""Looking a header up gives the same answer as decoding them all."""

from hypothesis import given
from hypothesis import strategies as st

from epp._generated import gaie_extproc_pb2 as wire
from epp.extproc.headers import Headers

NAMES = st.sampled_from([":path", "x-request-id", "content-length", "a", "x-gateway-y"])
# What a header may hold (RFC 9110 section 5.5): no control characters but the tab, not at an end.
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), max_size=200)


def block(entries: list[tuple[str, str, bool]]) -> wire.HttpHeaders:
    return wire.HttpHeaders(
        headers=wire.HeaderMap(
            headers=[
                wire.HeaderValue(key=name, raw_value=value.encode())
                if is_raw
                else wire.HeaderValue(key=name, value=value)
                for name, value, is_raw in entries
            ]
        )
    )


@given(st.lists(st.tuples(NAMES, VALUES, st.booleans()), max_size=8), NAMES)
def test_a_header_is_found_without_decoding_all(
    entries: list[tuple[str, str, bool]], name: str
) -> None:
    made = block(entries)
    data = wire.ProcessingRequest(request_headers=made).SerializeToString()
    expected = {key: value for key, value, _ in entries}

    assert Headers(data).get(name) == expected.get(name)
    assert dict(Headers(data)) == expected


def test_what_is_no_utf8_is_replaced() -> None:
    made = wire.HttpHeaders(
        headers=wire.HeaderMap(headers=[wire.HeaderValue(key="a", raw_value=b"\xff!")])
    )
    headers = Headers(wire.ProcessingRequest(request_headers=made).SerializeToString())

    assert (headers.get("a"), headers["a"]) == ("\ufffd!", "\ufffd!")
