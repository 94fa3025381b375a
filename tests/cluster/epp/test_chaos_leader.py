"""Leaders behind a real Envoy while the API server goes away, and when they are killed."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chaos.gateway import failed, gateway, load, longest_gap, model_server, more
from machine.processes import free_port

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Until = Callable[..., Any]

LEASE_SECONDS = 4.0
RETRY_SECONDS = 1.2
TIMES = ("--ha-lease-duration=4s", "--ha-renew-deadline=3s", "--ha-retry-period=1s")
# Of the health checks, and of a machine that does other things too.
MARGIN_SECONDS = 10.0


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with model_server() as port:
        yield port


async def test_no_request_fails_without_the_api_server_and_few_when_the_leader_dies(  # noqa: PLR0917 - its parts
    space: Any,
    start: Start,
    until: Until,
    processes: Any,
    port: int,
    tmp_path: Path,
) -> None:
    space.pool("llm", port)
    space.pod("a", "127.0.0.1")
    flags = ("--pool-name=llm", f"--pool-namespace={space.name}", "--health-checking")
    flags = (*flags, "--ha-enable-leader-election", "--metrics-endpoint-auth=false", *TIMES)
    leader = start(*flags)
    await asyncio.to_thread(until, leader.is_ready, "it leads")
    standby = start(*flags)
    await asyncio.to_thread(
        until, lambda: standby.is_listening() and standby.endpoints(), "a standby"
    )
    ports = [leader.grpc_port, standby.grpc_port]

    async with gateway(tmp_path, port, ports, free_port()) as url, load(url) as answers:
        await more(answers)
        processes.send("kube-apiserver", signal.SIGSTOP)
        try:
            await more(answers, 200)
        finally:
            processes.send("kube-apiserver", signal.SIGCONT)
        await asyncio.to_thread(processes.restart, "kube-apiserver")
        await asyncio.to_thread(until, space.api.is_ready, "it is back", 60)
        await more(answers)
        assert failed(answers) == []

        leader.end(signal.SIGKILL)
        await asyncio.to_thread(until, standby.is_ready, "the standby leads")
        await more(answers)

    gap = longest_gap(answers)
    print(f"gap after SIGKILL of the leader: {gap:.1f} s, {len(failed(answers))} failed")
    assert gap < LEASE_SECONDS + 2 * RETRY_SECONDS + MARGIN_SECONDS
    for epp in (leader, standby):
        assert "Traceback" not in epp.log
