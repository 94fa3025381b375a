"""What a stack is made of, on disk: ``<state home>/local/<name>/state.json``.

The file is the only memory: every command reads it, changes it under the stack's lock and writes
it whole. It is written before anything it names can run (see ``gaiectl.local.process``).
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from gaiectl.errors import GaieError, TimedOut, UsageError
from gaiectl.local.files import write_whole
from gaiectl.local.process import Process
from gaiectl.rendering.envoy import Address

VERSION = 1
LOOPBACK = "127.0.0.1"
ENVOY = "envoy"
EPP = "epp"
ADAPTERS = ("adapter-a", "adapter-b")

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


class Phase(StrEnum):
    """How far a stack has come."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the user asked for.

    Attributes:
        models: names the simulators serve, or the one to ask real servers for.
        replicas: how many simulators to start; none when there are ``endpoints``.
        adapters: names of the LoRA adapters that the simulators serve.
        endpoints: URLs of model servers that run already.
        config: an EndpointPickerConfig file; empty for the built-in one.
        port: of the gateway; 0 for a free one.
        body_mode: ``buffered`` or ``duplex``.
        fail_open: route without the EPP when it is down.
        epp_command: program and arguments of another EPP; empty for ours.
        envoy: path of the binary; empty to search for it.
        concurrency: worker threads of Envoy.
        sim_args: further arguments of each simulator.
    """

    models: tuple[str, ...] = ()
    replicas: int = 3
    adapters: tuple[str, ...] = ADAPTERS
    endpoints: tuple[str, ...] = ()
    config: str = ""
    port: int = 0
    body_mode: str = "buffered"
    fail_open: bool = False
    epp_command: tuple[str, ...] = ()
    envoy: str = ""
    concurrency: int = 2
    sim_args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model server.

    Attributes:
        name: its name in the pool; for a simulator also that of its process.
        address: where it listens.
        is_simulated: it is a child of the stack.
    """

    name: str
    address: Address
    is_simulated: bool

    @property
    def url(self) -> str:
        """The root of its API."""
        return f"http://{self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the stack's own parts listen, all on loopback."""

    gateway: int
    admin: int
    epp_grpc: int
    epp_health: int
    epp_metrics: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One stack.

    Attributes:
        name: the stack's name.
        setup: what it was started with.
        phase: how far it has come.
        ports: where its parts listen.
        endpoints: the pool, in order.
        processes: the children by part name: ``envoy``, ``epp`` and the simulators' names.
        killed: parts that a user ended on purpose and that nobody shall wonder about.
    """

    name: str
    setup: Setup
    phase: Phase
    ports: Ports
    endpoints: tuple[Endpoint, ...] = ()
    processes: Mapping[str, Process] = field(default_factory=dict)
    killed: tuple[str, ...] = ()

    @property
    def is_simulated(self) -> bool:
        """Its model servers are simulators, so it can be scaled and broken."""
        return not self.setup.endpoints

    @property
    def gateway_url(self) -> str:
        """Where clients send requests."""
        return f"http://{LOOPBACK}:{self.ports.gateway}"

    @property
    def admin_url(self) -> str:
        """Envoy's admin interface."""
        return f"http://{LOOPBACK}:{self.ports.admin}"

    @property
    def epp_metrics_url(self) -> str:
        """The EPP's Prometheus metrics."""
        return f"http://{LOOPBACK}:{self.ports.epp_metrics}/metrics"

    def with_process(self, part: str, process: Process) -> "State":
        """Return the state with the child of this part."""
        return replace(
            self,
            processes={**self.processes, part: process},
            killed=tuple(name for name in self.killed if name != part),
        )

    def without_part(self, part: str) -> "State":
        """Return the state with neither the child nor the endpoint of this name."""
        return replace(
            self,
            processes={name: child for name, child in self.processes.items() if name != part},
            endpoints=tuple(endpoint for endpoint in self.endpoints if endpoint.name != part),
            killed=tuple(name for name in self.killed if name != part),
        )


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one stack."""

    path: Path

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.path.name

    @property
    def state(self) -> Path:
        """The state file."""
        return self.path / "state.json"

    @property
    def endpoints(self) -> Path:
        """The endpoints the EPP reads (file-discovery)."""
        return self.path / "endpoints.yaml"

    @property
    def epp_config(self) -> Path:
        """The EPP's configuration."""
        return self.path / "epp-config.yaml"

    @property
    def bootstrap(self) -> Path:
        """Envoy's configuration."""
        return self.path / "envoy.yaml"

    @property
    def assignment(self) -> Path:
        """The endpoints Envoy knows (EDS); in a folder of its own, which Envoy watches."""
        return self.path / "eds" / "endpoints.json"

    def log(self, part: str) -> Path:
        """The output of a part."""
        return self.path / "logs" / f"{part}.log"

    def create(self) -> None:
        """Make the folder, for the user alone."""
        for path in (self.path, self.path / "logs", self.path / "eds"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove(self) -> None:
        """Delete the folder with all its files."""
        shutil.rmtree(self.path, ignore_errors=True)

    def save(self, state: State) -> None:
        """Write the state."""
        write_whole(self.state, json.dumps(asdict(state), indent=2) + "\n")

    def load(self) -> State | None:
        """Read the state; None when there is no stack.

        Raises:
            GaieError: the file is not a state this version can read.
        """
        try:
            return _decode(json.loads(self.state.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise GaieError(
                f"{self.state} is not a readable state of a stack ({error})",
                hint=f"end its processes by hand if any run, then delete {self.path}",
            ) from error


def folders() -> list[Folder]:
    """Return the folders of all stacks, by name."""
    root = _root()
    if not root.is_dir():
        return []
    return [Folder(path) for path in sorted(root.iterdir()) if path.is_dir()]


def folder(name: str) -> Folder:
    """Return the folder of the stack called ``name``, which need not exist.

    Raises:
        UsageError: that is no name for a stack.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a stack name",
            hint="use up to 40 lower-case letters, digits and dashes, for example --name demo",
        )
    return Folder(_root() / name)


@contextlib.contextmanager
def locked(
    place: Folder, *, timeout_seconds: float = 120, on_wait: Callable[[], object] | None = None
) -> Iterator[None]:
    """Hold the stack: no other command changes it meanwhile. The folder is created if needed.

    The lock is on the folder itself, so that it leaves no file behind; whoever waited while the
    folder was deleted starts over with the new one. The kernel lets go of it when we die.

    Args:
        place: the stack's folder.
        timeout_seconds: how long to wait for another command.
        on_wait: called once if there is something to wait for.

    Raises:
        TimedOut: another command holds it for too long.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        place.create()
        handle = os.open(place.path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(handle, place.path):
                break
        except BlockingIOError:
            if on_wait is not None:
                on_wait()
                on_wait = None
            if time.monotonic() > deadline:
                os.close(handle)
                raise TimedOut(
                    f"another gaiectl has been working on stack {place.name!r} for "
                    f"{timeout_seconds:.0f} s",
                    hint="wait for it, or stop it",
                ) from None
            time.sleep(0.05)
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    try:
        yield
    finally:
        os.close(handle)
        _forget_if_empty(place)


def _is_same(handle: int, path: Path) -> bool:
    try:
        here = path.stat()
    except FileNotFoundError:
        return False
    there = os.fstat(handle)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


def _forget_if_empty(place: Folder) -> None:
    """Delete a folder that holds no stack, and the folders above it that hold nothing."""
    if place.path.is_dir() and not place.state.exists():
        place.remove()
    for path in (place.path.parent, place.path.parent.parent):
        with contextlib.suppress(OSError):
            path.rmdir()


def _root() -> Path:
    own = os.environ.get("GAIECTL_STATE_HOME")
    if own:
        return Path(own).absolute() / "local"
    shared = os.environ.get("XDG_STATE_HOME")
    home = Path(shared) if shared else Path.home() / ".local" / "state"
    return home.absolute() / "gaiectl" / "local"


def _decode(data: dict[str, Any]) -> State:
    if data.pop("version", VERSION) != VERSION:
        raise ValueError("it was written by another version of gaiectl")
    setup: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in data["setup"].items()
    }
    return State(
        name=data["name"],
        setup=Setup(**setup),
        phase=Phase(data["phase"]),
        ports=Ports(**data["ports"]),
        endpoints=tuple(
            Endpoint(e["name"], Address(**e["address"]), e["is_simulated"])
            for e in data["endpoints"]
        ),
        processes={
            part: Process(child["pid"], child["started"], tuple(child["argv"]))
            for part, child in data["processes"].items()
        },
        killed=tuple(data["killed"]),
    )
