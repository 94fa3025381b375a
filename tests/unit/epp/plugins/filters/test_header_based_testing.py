from collections.abc import Callable

import pytest

from epp.api.endpoint import Candidate, Endpoint
from epp.api.request import Request
from epp.plugins.filters.header_based_testing import HeaderBasedTestingFilter

Ask = Callable[..., Request]

POOL = [
    Candidate(Endpoint(f"pod-{slot}", "default", address, port, slot=slot))
    for slot, (address, port) in enumerate(
        [("10.0.0.1", 8000), ("10.0.0.2", 8000), ("10.0.0.2", 8001), ("fd00::1", 8000)]
    )
]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("10.0.0.2,10.0.0.1", [1, 0]),
        (" 10.0.0.1 , 10.0.0.1:8000", [0]),
        ("10.0.0.2:8001", [2]),
        ("10.0.0.2:8001,10.0.0.2:8000", [2]),
        ("10.0.0.9,10.0.0.1", [0]),
        ("fd00::1", [3]),
        ("[fd00::1]:8000,10.0.0.1", [3, 0]),
        ("10.0.0.2:9", []),
        ("", []),
        (" , ", []),
    ],
)
def test_endpoints_are_kept_in_the_order_of_the_header_one_for_each_address(
    ask: Ask, header: str, expected: list[int]
) -> None:
    request = ask(headers={"test-epp-endpoint-selection": header})
    kept = HeaderBasedTestingFilter().filter(request, POOL)

    assert [candidate.endpoint.slot for candidate in kept] == expected


def test_without_the_header_nobody_is_kept(ask: Ask) -> None:
    assert HeaderBasedTestingFilter().filter(ask(), POOL) == []
