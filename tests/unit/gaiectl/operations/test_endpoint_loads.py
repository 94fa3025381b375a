"""What an EPP answers about its endpoints, or whatever listens in its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.operations.endpoint_loads import Load, Loads, read

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["pool", "endpoints", "endpoint", "unmet", "address"]), inner
        )
    ),
    max_leaves=8,
)


def test_endpoints_are_told_by_name_with_their_load() -> None:
    idle = {"endpoint": "ns/b-rank-0", "address": "10.0.0.2:8000", "isReachable": True}
    busy = {
        "endpoint": "ns/a-rank-0",
        "address": "10.0.0.1:8000",
        "isReachable": True,
        "runningRequests": 3,
        "waitingRequests": 1.0,
        "kvCacheUsage": 0.25,
    }
    answer = {"pool": {"endpoints": [idle, busy]}, "unmet": "not leading"}

    assert read(json.dumps(answer).encode()) == Loads(
        [
            Load("ns/a-rank-0", "10.0.0.1:8000", True, 3, 1.0, 0.25),
            Load("ns/b-rank-0", "10.0.0.2:8000", True, None, None, None),
        ],
        unmet="not leading",
    )


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b"\xff", b"[" * 10000, b'{"pool": {"endpoints": [3]}}']
)
def test_another_answer_is_told_as_that(answer: bytes) -> None:
    assert read(answer).unknown == "its EPP answers with something else than its state"


@given(ANYTHING)
def test_no_answer_is_an_error(answer: object) -> None:
    found = read(json.dumps(answer).encode())
    assert bool(found.unknown) or isinstance(found.endpoints, list)
