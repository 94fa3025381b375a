"""Which candidates a gateway's subset leaves."""

import pytest

from epp.api.endpoint import Candidate, Endpoint
from epp.director.subset import restrict

POOL = tuple(
    Candidate(Endpoint(f"e{index}", "default", address, port))
    for index, (address, port) in enumerate(
        [("10.0.0.1", 8000), ("10.0.0.1", 8001), ("10.0.0.2", 8000), ("fd00::1", 8000)]
    )
)


@pytest.mark.parametrize(
    ("subset", "names"),
    [
        ([], []),
        (["10.0.0.2:8000"], ["e2"]),
        (["10.0.0.1:8001"], ["e1"]),
        (["10.0.0.1:9999"], ["e0", "e1"]),
        (["10.0.0.1"], ["e0", "e1"]),
        (["[fd00::1]:8000"], ["e3"]),
        (["[fd00::1]:1"], ["e3"]),
        (["10.0.0.9:8000", "garbage", ""], []),
        (["10.0.0.2:8000", "10.0.0.1:8000"], ["e0", "e2"]),
    ],
)
def test_an_entry_selects_its_port_or_else_its_address(subset: list[str], names: list[str]) -> None:
    assert [candidate.endpoint.name for candidate in restrict(POOL, subset)] == names
