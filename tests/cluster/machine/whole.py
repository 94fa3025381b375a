"""A machine that runs pods, seen from outside: started, and gone without a trace."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from machine import inside, isolation, programs
from machine.processes import Died, Processes, free_port

_NAME = "machine"
_READY_SECONDS = 300
_STOP_SECONDS = 120


@contextlib.contextmanager
def running(processes: Processes) -> Iterator[Path]:
    """Run a machine with control plane and node in the folder of ``processes``.

    Yields:
        The path of a kubeconfig.

    Raises:
        Died: a part ended, took too long or did not end.
        Missing: a program is not there.
    """
    programs.find(*programs.CONTROL_PLANE, *programs.NODE)  # built here, where no time runs
    folder = processes.folder
    isolation.make_cgroups(folder.name)
    life, ours = os.pipe()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen(128)
        inherited = (listener.fileno(), life)
        for descriptor in inherited:
            os.set_inheritable(descriptor, True)
        module = [sys.executable, "-m", "machine.inside", str(folder), *map(str, inherited)]
        processes.start(_NAME, isolation.isolated(module))
    os.close(life)
    try:
        processes.wait(_NAME, lambda: inside.is_ready(folder), seconds=_READY_SECONDS)
        yield inside.kubeconfig(folder)
    finally:
        os.close(ours)
        _await_end(processes)
        isolation.remove_cgroups(folder.name)


def _await_end(processes: Processes) -> None:
    """Wait for the last process inside, so that nothing is in use any more."""
    deadline = time.monotonic() + _STOP_SECONDS
    while processes.is_alive(_NAME):
        if time.monotonic() > deadline:
            raise Died("the machine did not end when it was to")
        time.sleep(0.02)
