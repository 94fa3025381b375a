"""One connection too many is closed at once, and room that is left is used again."""

import logging
from typing import Any

import pytest


async def test_connections_beyond_the_limit_are_closed_and_told_of_once(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = bench.new_peer(max_connections=2)
    with caplog.at_level(logging.WARNING, "transport"):
        second, third, fourth = (type(first)(first.server, [], []) for _ in range(3))

    assert [peer.wire.is_aborted for peer in (first, second, third, fourth)] == [
        False,
        False,
        True,
        True,
    ]
    assert not third.wire.written
    assert [record.getMessage() for record in caplog.records] == [
        "2 connections are open, further ones are closed"
    ]

    third.connection.connection_lost(None)
    first.connection.connection_lost(None)

    assert not type(first)(first.server, [], []).wire.is_aborted
