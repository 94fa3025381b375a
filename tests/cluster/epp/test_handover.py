"""Leadership changes hands behind a real Envoy, under load."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaos.gateway import failed, gateway, load, model_server, more
from machine.processes import free_port

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Until = Callable[..., Any]
CLIENTS = 8


async def test_no_request_fails_when_the_leader_ends(
    space: Any, start: Start, until: Until, tmp_path: Path
) -> None:
    async with model_server() as port:
        space.pool("llm", port)
        space.pod("a", "127.0.0.1")
        flags = ("--pool-name=llm", f"--pool-namespace={space.name}", "--health-checking")
        flags = (*flags, "--ha-enable-leader-election", "--metrics-endpoint-auth=false")
        leader = start(*flags)
        await asyncio.to_thread(until, leader.is_ready, "it leads")
        standby = start(*flags)
        await asyncio.to_thread(
            until, lambda: standby.is_listening() and standby.endpoints(), "a standby"
        )
        ports = [leader.grpc_port, standby.grpc_port]

        async with (
            gateway(tmp_path, port, ports, free_port()) as url,
            load(url, CLIENTS) as answers,
        ):
            await more(answers)
            leader.end(signal.SIGTERM)
            await asyncio.to_thread(leader.process.wait, 60)
            await more(answers)

    assert failed(answers) == []
