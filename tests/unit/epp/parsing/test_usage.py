import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.request import Usage
from epp.parsing.usage import UsageScanner, usage_of

LAST = (
    b'data: {"id":"1","choices":[{"text":"\\"usage\\":{\\"total_tokens\\":1}"}],"usage":null}\n\n'
    b'data: {"id":"1","choices":[],"usage": {"prompt_tokens":7,"total_tokens":17,'
    b'"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":4}}}\n\n'
    b"data: [DONE]\n\n"
)


def scan(*chunks: bytes) -> Usage | None:
    scanner = UsageScanner()
    for chunk in chunks:
        scanner.feed(chunk)
    return scanner.usage


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ('"prompt_tokens":7,"completion_tokens":10,"total_tokens":17', Usage(7, 10, 17, 0)),
        ('"input_tokens":7,"output_tokens":10,"total_tokens":17', Usage(7, 10, 17, 0)),
        ('"prompt_tokens":7,"completion_tokens":10', Usage(7, 10, 17, 0)),
        (
            '"prompt_tokens":7,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":5}',
            Usage(7, 0, 7, 5),
        ),
        (
            '"prompt_tokens":7,"total_tokens":7,"prompt_token_details":{"cached_tokens":5}',
            Usage(7, 0, 7, 5),
        ),
        (
            '"input_tokens":7,"total_tokens":7,"input_tokens_details":{"cached_tokens":5}',
            Usage(7, 0, 7, 5),
        ),
        ('"prompt_tokens":"7","total_tokens":[17],"completion_tokens":true', None),
        ('"prompt_tokens":7,"total_tokens":7,"prompt_tokens_details":null', Usage(7, 0, 7, 0)),
        ('"prompt_tokens":-7', None),
        ("", None),
    ],
)
def test_counts_of_every_api_are_read_and_odd_types_are_none(
    fields: str, usage: Usage | None
) -> None:
    assert usage_of(f"{{{fields}}}".encode()) == usage


@pytest.mark.parametrize("size", range(1, 40))
def test_events_may_be_split_anywhere(size: int) -> None:
    chunks = [LAST[start : start + size] for start in range(0, len(LAST), size)]

    assert scan(*chunks) == Usage(7, 10, 17, 4)


def test_the_last_counts_stand() -> None:
    chunk = b'data: {"usage":{"total_tokens":%d,"prompt_tokens":1}}\n\n'

    assert scan(chunk % 1, chunk % 2 + chunk % 3) == Usage(1, 0, 3, 0)


def test_an_event_of_the_responses_api_nests_its_usage() -> None:
    event = (
        b'data: {"type":"response.completed","response":{"output":[],'
        b'"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3},"user":null}}\n\n'
    )

    assert scan(event) == Usage(1, 2, 3, 0)


def test_a_response_without_usage_has_none() -> None:
    assert scan(b'data: {"usage":null}\n\n', b"data: [DONE]\n\n") is None


def test_memory_stays_bounded_whatever_comes() -> None:
    scanner = UsageScanner()
    for chunk in (b'"usage":{', *[b'"a":"' + b"x" * 1000] * 50):
        scanner.feed(chunk)
        assert len(scanner._carry) <= 4096


@given(chunks=st.lists(st.binary() | st.sampled_from([b'"usage"', b":", b"{", b"}", b"1"])))
def test_arbitrary_bytes_never_raise(chunks: list[bytes]) -> None:
    scan(*chunks)
