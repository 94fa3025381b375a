"""The endpoint behind an answer is found by whatever header there is."""

import pytest

from gaiectl.checks.gateway import SERVED_HEADER, answered_by
from gaiectl.checks.target import Endpoint

POOL = [Endpoint(f"sim-{n}", "", f"127.0.0.1:800{n}", is_killable=True) for n in range(3)] + [
    Endpoint("six", "", "[::1]:9000", is_killable=False)
]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"x-inference-pod": "sim-2", "x-inference-port": "8001"}, "sim-2"),
        ({"x-inference-port": "8001"}, "sim-1"),
        ({"x-inference-port": "001"}, "port 001"),
        ({SERVED_HEADER: "127.0.0.1:8002"}, "sim-2"),
        ({SERVED_HEADER: "[::1]:9000"}, "six"),
        ({SERVED_HEADER: "10.0.0.1:80"}, "10.0.0.1:80"),
        ({}, ""),
    ],
)
def test_the_first_header_that_names_an_endpoint_counts(headers: dict[str, str], name: str) -> None:
    assert answered_by(headers, POOL) == name
