"""The parts of a run: stand-ins, EPP and Envoy as processes, in a folder that goes with them."""

import json
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import yaml
from stand_ins import DATA, Shape

from epp.config import DEFAULT_TEXT
from gaiectl.errors import GaieError
from gaiectl.local import asking, envoy, epp_config
from gaiectl.local.files import last_lines
from gaiectl.local.process import Process, is_alive, spawn, stop
from gaiectl.rendering.envoy import Address, BodyMode, Bootstrap, bootstrap, endpoint_assignment

HOST = "127.0.0.1"
_EXT_PROC = "envoy.filters.http.ext_proc"
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0

_T = TypeVar("_T")


class Way(StrEnum):
    """How requests pass through Envoy."""

    BUFFERED = "buffered"
    DUPLEX = "duplex"
    DIRECT = "direct"
    """The same route and cluster with the ext-proc filter switched off."""


@dataclass(frozen=True, slots=True)
class StandIns:
    """Model servers in one process."""

    pid: int
    ports: tuple[int, ...]

    def counters(self) -> dict[str, int]:
        """Return what they were asked so far."""
        answer = asking.get(f"http://{HOST}:{self.ports[0]}/counters")
        if answer is None:
            raise GaieError("the stand-ins do not answer", hint="run again on a quieter machine")
        counted: dict[str, int] = answer.json()
        return counted


@dataclass(frozen=True, slots=True)
class Epp:
    """A running EPP."""

    pid: int
    grpc_port: int
    metrics_port: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running Envoy."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where requests are sent."""
        return f"http://{HOST}:{self.port}"


class Parts:
    """Starts parts and stops all of them, last one first, when the block is left."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
        self._processes: list[Process] = []
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Clients of the other parts end first.
        for process in reversed(self._processes):
            stop([process], grace_seconds=_STOP_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def stand_ins(self, count: int, shape: Shape) -> StandIns:
        """Start model servers."""
        command = [sys.executable, str(DATA.parent / "stand_ins.py"), "--count", str(count)]
        command += ["--events", str(shape.events)]
        command += ["--interval-ms", str(shape.interval_seconds * 1e3)]
        command += ["--held"] if shape.is_held else []
        process, log = self._start("stand-ins", command)
        line = self._wait(process, log, lambda: log.read_text().rpartition("\n")[0])
        return StandIns(process.pid, tuple(json.loads(line)["ports"]))

    def epp(self, model_servers: StandIns, *flags: str, text: str = DEFAULT_TEXT) -> Epp:
        """Start an EPP with this configuration and more flags over these endpoints."""
        number = self._started
        endpoints = self._folder / f"endpoints-{number}.yaml"
        listed = [
            {"name": f"stand-in-{index}", "address": HOST, "port": str(port)}
            for index, port in enumerate(model_servers.ports)
        ]
        endpoints.write_text(json.dumps({"endpoints": listed}))
        config = self._folder / f"epp-{number}.yaml"
        config.write_text(epp_config.with_endpoints(text, endpoints, source="the benchmark"))
        found = Epp(0, _free_port(), _free_port())
        command = [sys.executable, "-m", "epp", "--config-file", str(config)]
        command += ["--grpc-port", str(found.grpc_port), "--grpc-health-port", str(_free_port())]
        command += ["--metrics-port", str(found.metrics_port), "--bind-address", HOST, "--v", "1"]
        command += ["--secure-serving=false", "--metrics-endpoint-auth=false", "--health-checking"]
        command += flags
        process, log = self._start("epp", command)
        self._wait(process, log, lambda: asking.is_serving(HOST, found.grpc_port))
        return Epp(process.pid, found.grpc_port, found.metrics_port)

    def gateway(self, way: Way, model_servers: StandIns, epp: Epp | None) -> Gateway:
        """Start an Envoy with one worker, from the bootstrap that all our gateways use."""
        folder = self._folder / f"envoy-{self._started}"
        folder.mkdir()
        addresses = [Address(HOST, port) for port in model_servers.ports]
        assignment = folder / "endpoints.json"
        assignment.write_text(endpoint_assignment(addresses, version="1"))
        listener, admin = Address(HOST, _free_port()), Address(HOST, _free_port())
        text = bootstrap(
            Bootstrap(
                listener=listener,
                admin=admin,
                epp=Address(HOST, epp.grpc_port if epp else 1),
                body_mode=BodyMode.DUPLEX if way is Way.DUPLEX else BodyMode.BUFFERED,
                # Without an EPP the route must not ask for its header.
                fail_open=way is Way.DIRECT,
                endpoints_file=str(assignment),
                endpoints_directory=str(folder),
                node=f"benchmark-{way}",
            )
        )
        file = folder / "envoy.yaml"
        file.write_text(without_ext_proc(text) if way is Way.DIRECT else text)
        command = envoy.argv(envoy.find(), file, f"benchmark-{way}", 1)
        process, log = self._start(f"envoy-{way}", command)
        gateway = Gateway(process.pid, listener.port)
        self._wait(process, log, lambda: _is_ok(admin.port, "/ready"))
        self._wait(process, log, lambda: _is_ok(gateway.port, "/v1/models"))
        return gateway

    def _start(self, name: str, command: Sequence[str]) -> tuple[Process, Path]:
        self._started += 1
        log = self._folder / f"{name}-{self._started}.log"
        return spawn(command, log=log, record=self._processes.append), log

    def _wait(self, process: Process, log: Path, ask: Callable[[], _T]) -> _T:
        """Return the first true answer.

        Raises:
            GaieError: the process ended, or the answer took too long.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not (answer := ask()):
            if not is_alive(process) or time.monotonic() > deadline:
                what = "ended" if not is_alive(process) else "is not ready"
                raise GaieError(
                    f"{log.stem} {what}",
                    hint="its last lines say why; it was started with: " + " ".join(process.argv),
                    detail=last_lines(log),
                )
            time.sleep(0.05)
        return answer


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _is_ok(port: int, path: str) -> bool:
    answer = asking.get(f"http://{HOST}:{port}{path}")
    return answer is not None and answer.is_success


def without_ext_proc(text: str) -> str:
    """Return an Envoy bootstrap with its ext-proc filter disabled and all else as it was."""
    document = yaml.safe_load(text)
    for listener in document["static_resources"]["listeners"]:
        for chain in listener["filter_chains"]:
            for http in chain["filters"]:
                for part in http["typed_config"]["http_filters"]:
                    if part["name"] == _EXT_PROC:
                        part["disabled"] = True
    return yaml.safe_dump(document, sort_keys=False)
