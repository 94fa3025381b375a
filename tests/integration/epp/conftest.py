"""The EPP as a process of its own, a file of endpoints for it, and grpcio as its client."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: prefix-cache-scorer
- type: file-discovery
  parameters: {{path: {path}, watchFile: true}}
dataLayer:
  discovery: {{pluginRef: file-discovery}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class EppProcess:
    """A running EPP and where to reach it."""

    process: subprocess.Popen[str]
    endpoints: Path
    grpc_port: int
    health_port: int
    metrics_port: int
    log: Path
    ended: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    def http(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}{path}")

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


Start = Callable[..., EppProcess]


def write_endpoints(path: Path, **addresses: str) -> None:
    lines = ["endpoints:"]
    for name, at in addresses.items():
        host, _, port = at.rpartition(":")
        lines.append(f'- {{name: {name}, address: "{host}", port: "{port}"}}')
    written = path.with_suffix(".new")
    written.write_text("\n".join(lines) + "\n")
    written.replace(path)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start EPPs; all are gone after the test."""
    started: list[EppProcess] = []

    def begin(*flags: str, **addresses: str) -> EppProcess:
        endpoints = tmp_path / "endpoints.yaml"
        write_endpoints(endpoints, **(addresses or {"a": "127.0.0.1:9"}))
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(path=endpoints))
        ports = [free_port() for _ in range(3)]
        log = tmp_path / "epp.log"
        names = ("--grpc-port", "--grpc-health-port", "--metrics-port")
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "epp", "--config-file", config),
                    *(part for pair in zip(names, map(str, ports), strict=True) for part in pair),
                    *("--bind-address", "127.0.0.1", "--metrics-endpoint-auth=false", *flags),
                ],
                stderr=output,
                text=True,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )
        epp = EppProcess(process, endpoints, *ports, log)
        started.append(epp)
        transport = httpx.HTTPTransport(retries=100)  # connect errors only: until it listens
        with httpx.Client(transport=transport) as client:
            while client.get(f"http://127.0.0.1:{epp.metrics_port}/readyz").status_code != 200:
                assert process.poll() is None, log.read_text()
        return epp

    yield begin
    for epp in started:
        with contextlib.suppress(ProcessLookupError):
            epp.process.kill()
        epp.process.wait()
