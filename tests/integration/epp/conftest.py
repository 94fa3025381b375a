"""The EPP as a process of its own, a file of endpoints for it, and grpcio as its client."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml

from machine.processes import free_port

CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: prefix-cache-scorer
"""


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
        # Plain HTTP; not to read the system's certificates each time.
        url = f"http://127.0.0.1:{self.metrics_port}{path}"
        return httpx.get(url, verify=False)

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.ConnectError):
            return self.http("/readyz").status_code == 200
        return False

    def serve(self, addresses: Sequence[str]) -> None:
        """Give it these endpoints, and wait until it knows their load and no others'."""
        names = [f"pod-{next(_NUMBERS)}" for _ in addresses]
        write_endpoints(self.endpoints, **dict(zip(names, addresses, strict=True)))
        known: set[str] = set()
        ready = -1
        while known != set(names) or ready != len(names):
            assert self.process.poll() is None, self.log.read_text()
            text = self.http("/metrics").text
            known = set(re.findall(r'per_pod_queue_size\{.*?model_server_pod="(.*?)"', text))
            found = re.search(r"^inference_pool_ready_pods\{.*?\} (\d+)", text, re.MULTILINE)
            ready = int(found[1]) if found else 0

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


Start = Callable[..., EppProcess]
_NUMBERS = itertools.count(1)


def write_endpoints(path: Path, **addresses: str) -> None:
    lines = ["endpoints:" if addresses else "endpoints: []"]
    for name, at in addresses.items():
        host, _, port = at.rpartition(":")
        lines.append(f'- {{name: {name}, address: "{host}", port: "{port}"}}')
    written = path.with_suffix(".new")
    written.write_text("\n".join(lines) + "\n")
    written.replace(path)


class Starter:
    """Starts EPPs in a folder and ends them all.

    ``config`` is a configuration without discovery, which is added.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[EppProcess] = []

    def __call__(self, *flags: str, config: str = CONFIG, **addresses: str) -> EppProcess:
        number = len(self._started)
        endpoints = self._folder / ("endpoints.yaml" if not number else f"endpoints-{number}.yaml")
        write_endpoints(endpoints, **(addresses or {"a": "127.0.0.1:9"}))
        file = self._folder / ("config.yaml" if not number else f"config-{number}.yaml")
        document = yaml.safe_load(config)
        discovery = {"type": "file-discovery"}
        discovery["parameters"] = {"path": str(endpoints), "watchFile": True}
        document["plugins"].append(discovery)
        document["dataLayer"] = {"discovery": {"pluginRef": "file-discovery"}}
        file.write_text(yaml.safe_dump(document))
        ports = [free_port() for _ in range(3)]
        log = self._folder / ("epp.log" if not number else f"epp-{number}.log")
        names = ("--grpc-port", "--grpc-health-port", "--metrics-port")
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "epp", "--config-file", file),
                    *(part for pair in zip(names, map(str, ports), strict=True) for part in pair),
                    *("--bind-address", "127.0.0.1", "--metrics-endpoint-auth=false", *flags),
                ],
                stderr=output,
                text=True,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )
        epp = EppProcess(process, endpoints, *ports, log)
        self._started.append(epp)
        while not epp.is_ready():
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        return epp

    def stop(self) -> None:
        """End all."""
        for epp in self._started:
            with contextlib.suppress(ProcessLookupError):
                epp.process.kill()
            epp.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start EPPs; all are gone after the test."""
    starter = Starter(tmp_path)
    yield starter
    starter.stop()


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start EPPs that serve all tests of a module."""
    starter = Starter(tmp_path_factory.mktemp("epp"))
    yield starter
    starter.stop()


@pytest.fixture(scope="session")
def unused_port() -> Callable[[], int]:
    """Return ports that nobody listens on."""
    return free_port
