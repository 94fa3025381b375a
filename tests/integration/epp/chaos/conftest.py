"""Peers that misbehave on purpose, and what a process holds."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chaos import peer
from chaos.peer import PATIENCE, Peer


class Footprint(NamedTuple):
    """What a process holds now."""

    mebibytes: float
    descriptors: int


def wait_until(done: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until something is so; return what ``done`` returned."""
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline, f"not after {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


def footprint_of(epp: Any) -> Footprint:
    pid = epp.process.pid
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return Footprint(int(found[1]) / 1024, sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))


class Words:
    """Short words for the tests of this folder."""

    BUFFERED, FULL_DUPLEX = peer.BUFFERED, peer.FULL_DUPLEX
    destination = staticmethod(peer.destination_of)
    footprint = staticmethod(footprint_of)
    prefixed = staticmethod(peer.prefixed)
    request_body = staticmethod(peer.request_body)
    request_headers = staticmethod(peer.request_headers)
    status = staticmethod(peer.status_of)
    until = staticmethod(wait_until)

    @staticmethod
    def sample(epp: Any, name: str, **labels: str) -> float:
        """Return the sum of the series of a metric that have these labels."""
        total = 0.0
        for line in epp.http("/metrics").text.splitlines():
            found = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
            if found and all(f'{k}="{v}"' in (found[1] or "") for k, v in labels.items()):
                total += float(found[2])
        return total

    @staticmethod
    def said(epp: Any, *words: str) -> int:
        """Return how many lines of the log hold all of these."""
        lines: Iterable[str] = epp.log.read_text().splitlines()
        return sum(all(word in line for word in words) for line in lines)


@pytest.fixture(scope="session")
def words() -> Words:
    return Words()


@pytest.fixture
def connect() -> Iterator[Callable[[Any], Peer]]:
    """Connect peers to EPPs; all are closed after the test."""
    opened: list[Peer] = []

    def begin(epp: Any) -> Peer:
        opened.append(Peer(epp.grpc_port))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()
