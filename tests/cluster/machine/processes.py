"""The processes of one machine: recorded before they run, ended with whoever started them."""

import contextlib
import itertools
import json
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

from gaiectl.local import process
from gaiectl.local.process import Process

# The kernel kills the child when the thread that started it ends, however it ends; if that was
# before the kernel was asked to, the child has another parent and does not begin.
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", '[ $PPID = "$0" ] && exec "$@"')
# So one thread starts all of them, which lives as long as this process: who asks may be a thread
# of a moment.
_STARTER = ThreadPoolExecutor(1, "starter")
# Below the ranges from which Linux takes ports of outgoing connections, and Kubernetes those of
# Services: what is free stays so.
_PORTS = range(20_000, 30_000)
# Each worker of a test run has ports of its own.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_OWN_PORTS = _PORTS[_WORKER :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
_NEXT_PORTS = itertools.cycle(random.sample(_OWN_PORTS, len(_OWN_PORTS)))


class Died(Exception):
    """A process ended, or was not ready in time; the text holds the end of its log."""


class Processes:
    """Starts programs in a folder: logs in ``log/``, who they are in ``processes.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: dict[str, Process] = {}
        (folder / "log").mkdir(exist_ok=True)

    def start(self, name: str, argv: Sequence[str]) -> None:
        """Start a program that is killed when the calling thread ends."""

        def record(child: Process) -> None:
            # The wrapper becomes the program: id and start stay, the arguments are its last ones.
            self._started[name] = replace(child, argv=tuple(argv))
            _save(self.folder, self._started)

        started_with_us = [*_WITH_US, str(os.getpid()), *argv]
        _STARTER.submit(process.spawn, started_with_us, log=self._log(name), record=record).result()

    def wait(self, name: str, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until ``ready`` says so.

        Raises:
            Died: a process ended before, or the time was over.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            for other, child in self._started.items():
                if not process.is_alive(child):
                    raise Died(f"{other} ended; the end of its log:\n{self._end_of_log(other)}")
            if time.monotonic() > deadline:
                raise Died(
                    f"{name} was not ready after {seconds:.0f} s; the end of its log:\n"
                    f"{self._end_of_log(name)}"
                )
            time.sleep(0.05)

    def send(self, name: str, number: signal.Signals) -> None:
        """Signal one of them, for example to make it stand still."""
        process.send(self._started[name], number)

    def is_alive(self, name: str) -> bool:
        """Tell whether one of them still runs."""
        return process.is_alive(self._started[name])

    def kill(self, name: str) -> None:
        """Kill one of them; returns when it is gone."""
        child = self._started[name]
        process.stop([child], grace_seconds=0)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)

    def restart(self, name: str) -> None:
        """Kill one of them, if it lives, and start it again; does not wait until it is ready."""
        self.kill(name)
        self.start(name, self._started[name].argv)

    def stop(self) -> None:
        """End all of them at once; nothing that they hold is worth a farewell."""
        process.stop(self._started.values(), grace_seconds=0)
        for child in self._started.values():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, 0)

    def _log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"

    def _end_of_log(self, name: str) -> str:
        return "\n".join(self._log(name).read_text(errors="replace").splitlines()[-15:])


def stop_recorded(folder: Path) -> None:
    """End what a ``Processes`` started in this folder, whoever that was."""
    try:
        saved = json.loads((folder / "processes.json").read_text())
    except (FileNotFoundError, ValueError):
        return
    children = [Process(**{**fields, "argv": tuple(fields["argv"])}) for fields in saved]
    process.stop(children, grace_seconds=0)


def free_port(*, besides: int | None = None) -> int:
    """Return a TCP port of the loopback interface that nobody listens on, another one each time.

    Args:
        besides: a port that somebody else chose and is going to listen on.
    """
    for port in itertools.islice(_NEXT_PORTS, len(_OWN_PORTS)):
        if port == besides:
            continue
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Died("every port is taken")


def _save(folder: Path, started: dict[str, Process]) -> None:
    unfinished = folder / "processes.json.unfinished"
    unfinished.write_text(json.dumps([asdict(child) for child in started.values()]))
    unfinished.rename(folder / "processes.json")
