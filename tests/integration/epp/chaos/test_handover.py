"""EPPs end, are killed and change their configuration under load behind a real Envoy."""

import asyncio
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos.gateway import failed, gateway, load, longest_gap, model_server, more

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Connect = Callable[[Any], Any]
Port = Callable[[], int]

FLAGS = ("--secure-serving=false", "--health-checking")
BODY = b'{"model": "m", "prompt": "hello"}'
CLIENTS = 8


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with model_server() as port:
        yield port


def start_again(epp: Any, words: Any) -> None:
    """Start what has ended, as it was and where it was."""
    with epp.log.open("a") as log:
        epp.process = subprocess.Popen(epp.process.args, stderr=log, text=True)
    words.until(epp.is_ready, "it is ready")


@pytest.mark.slow
async def test_a_rolling_restart_costs_no_request(
    start: Start, words: Any, port: int, tmp_path: Path, unused_port: Port
) -> None:
    epps = [start(*FLAGS, a=f"127.0.0.1:{port}") for _ in range(2)]
    ports = [epp.grpc_port for epp in epps]
    async with gateway(tmp_path, port, ports, unused_port()) as url, load(url) as answers:
        await more(answers)
        for epp in epps:
            assert await asyncio.to_thread(epp.stop) == 0
            await more(answers)
            await asyncio.to_thread(start_again, epp, words)
            await more(answers, 100)  # Envoy finds that it is healthy
    for epp in epps:
        epp.process.kill()
        epp.process.wait()

    print(f"{len(answers)} requests, longest gap {longest_gap(answers) * 1e3:.0f} ms")
    assert failed(answers) == []


async def test_a_killed_epp_costs_the_requests_that_it_was_deciding_at_most(
    start: Start, port: int, tmp_path: Path, unused_port: Port
) -> None:
    epps = [start(*FLAGS, a=f"127.0.0.1:{port}") for _ in range(2)]
    ports = [epp.grpc_port for epp in epps]
    async with gateway(tmp_path, port, ports, unused_port()) as url, load(url) as answers:
        await more(answers)
        epps[0].process.kill()
        await more(answers, 200)

    gap = longest_gap(answers)
    print(f"{len(failed(answers))} of {len(answers)} failed, longest gap {gap * 1e3:.0f} ms")
    # Those open at that moment; and Envoy may try a dead address until its next health check.
    assert len(failed(answers)) <= 3 * CLIENTS
    assert gap < 10.0


async def test_a_changed_configuration_costs_no_request(
    start: Start, words: Any, port: int, tmp_path: Path, unused_port: Port
) -> None:
    epp = start(*FLAGS, a=f"127.0.0.1:{port}")
    file = tmp_path / "config.yaml"
    document = yaml.safe_load(file.read_text())
    async with (
        gateway(tmp_path, port, [epp.grpc_port], unused_port()) as url,
        load(url) as answers,
    ):
        for number in (1, 2):
            document["schedulingProfiles"] = [
                {
                    "name": "default",
                    "plugins": [{"pluginRef": "queue-scorer", "weight": number}],
                }
            ]
            fresh = tmp_path / "config.new"
            fresh.write_text(yaml.safe_dump(document))
            fresh.replace(file)
            await asyncio.to_thread(words.until, lambda n=number: reloads(epp, words) == n, "used")
            await more(answers)

    assert failed(answers) == []


def reloads(epp: Any, words: Any) -> float:
    total: float = words.sample(epp, "inference_extension_config_reload_total", outcome="success")
    return total


class Client(threading.Thread):
    """Asks over one connection, over a new one when that is lost, until it is told to stop."""

    def __init__(self, epp: Any, connect: Connect) -> None:
        super().__init__()
        self.answered = self.lost = 0
        self.is_over = False
        self._epp, self._connect = epp, connect

    def run(self) -> None:
        peer = self._connect(self._epp)
        while not self.is_over:
            try:
                peer.ask(BODY)
            except (OSError, KeyError):  # nothing came
                self.lost += 1
                peer = self._again()
            else:
                self.answered += 1

    def _again(self) -> Any:
        while True:
            time.sleep(0.05)  # who dies accepts connections until all of it is gone
            try:
                return self._connect(self._epp)
            except ConnectionError:
                continue


def test_a_killed_worker_costs_its_own_streams_only(start: Start, words: Any, connect: Any) -> None:
    epp = start("--secure-serving=false", "--workers=2", a="127.0.0.1:9")
    pid = epp.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    # So many that some are at the other one.
    clients = [Client(epp, connect) for _ in range(4 * CLIENTS)]
    for client in clients:
        client.start()
    words.until(lambda: all(client.answered > 20 for client in clients), "all are served")

    subprocess.run(["kill", "-KILL", workers[0]], check=True)
    before = [client.answered for client in clients]
    words.until(
        lambda: all(c.answered > n + 20 for c, n in zip(clients, before, strict=True)),
        "all are served again",
    )
    for client in clients:
        client.is_over = True
    for client in clients:
        client.join()

    lost = [client.lost for client in clients]
    print(f"lost: {lost}")
    assert max(lost) <= 2  # its own stream, and a connection that the dying one had accepted
    assert 0 in lost
    words.until(lambda: words.sample(epp, "inference_objective_running_requests") == 0, "all ended")
