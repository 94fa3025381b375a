"""Who works on a stack: a process, told so that people recognise it and its machine can tell."""

import getpass
import os
import socket
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Holder(NamedTuple):
    """A process that works on a stack.

    Attributes:
        name: for people: ``alice@laptop, pid 4711``.
        process: its boot, process namespace, id and start; empty where nobody says.
    """

    name: str
    process: str

    @property
    def is_gone(self) -> bool:
        """Whether it surely runs no more; what runs on another machine may always run."""
        place, _, pid = self.process.rpartition(" ")[0].rpartition(" ")
        if not place or place != _place() or not pid.isdecimal():
            return False
        return self.process != f"{place} {pid} {_started(pid)}"


def this() -> Holder:
    """Return our own process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = str(os.getuid())
    pid, place = os.getpid(), _place()
    process = f"{place} {pid} {_started(str(pid))}" if place else ""
    return Holder(f"{user}@{socket.gethostname()}, pid {pid}", process)


def _place() -> str:
    """Return where process ids mean the same: boot and process namespace; empty if nobody says."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: str) -> str:
    """Return when a process started, in ticks since boot; empty if it runs no more."""
    try:
        told = (_PROC / pid / "stat").read_text(errors="replace")
    except OSError:
        return ""
    # After the name: the state is the 1st field, the start time the 20th (proc(5)).
    fields = told.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
