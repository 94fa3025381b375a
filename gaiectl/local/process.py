"""Child processes that outlive us, and proof of who a process id belongs to.

A process is known by three facts: its id, the moment it started (with the boot it belongs to) and
its arguments. Nothing is signalled unless all three match, so an id that the system has given to
somebody else is safe, after a crash and after a reboot.

A child is born waiting: a shell reads one line from a pipe and only then becomes the program
(``exec`` keeps id and start). That line is sent when the child has been recorded. If we are killed
before, the pipe closes and the child ends, so there is never a process that no record names.
"""

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self/stat").exists()
_OPEN_FILES = 65_536
_GATE = 'ulimit -n "$0" 2>/dev/null; read -r go && exec "$@" </dev/null'


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started here.

    Attributes:
        pid: its id, and that of its process group.
        started: opaque text for the moment it started, unique across reboots.
        argv: program and arguments.
    """

    pid: int
    started: str
    argv: tuple[str, ...]


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    record: Callable[[Process], None],
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a program in a session of its own; its output is appended to ``log``.

    Args:
        argv: the program (absolute, or found on PATH) and its arguments.
        log: where stdout and stderr go.
        record: called with the process before the program runs. If it raises, nothing runs.
        environment: of the child; ours by default.

    Returns:
        The process. Whether it lives is another question: ``is_alive``.
    """
    reads, writes = os.pipe()
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            "/bin/sh",
            ["/bin/sh", "-c", _GATE, str(open_files()), *argv],
            dict(os.environ if environment is None else environment),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reads, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.fspath(log), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGPIPE),
        )
        process = Process(pid=pid, started=_started(pid) or "", argv=tuple(argv))
        record(process)
        os.write(writes, b"go\n")
    finally:
        os.close(reads)
        os.close(writes)
    return process


def is_alive(process: Process) -> bool:
    """Tell whether this very process still runs."""
    _reap(process.pid)
    return (
        bool(process.started)
        and _started(process.pid) == process.started
        and _has_arguments(process.pid, process.argv)
    )


def send(process: Process, number: signal.Signals) -> bool:
    """Signal the process and its group; return False when it is gone or no longer ours."""
    if not is_alive(process):
        return False
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so when only a zombie is left
        return False
    return True


def stop(processes: Iterable[Process], *, grace_seconds: float) -> list[Process]:
    """Ask processes to end, all at once; kill those that do not.

    Returns:
        The ones that had to be killed.
    """
    asked = [process for process in processes if send(process, signal.SIGTERM)]
    late = _remaining(asked, grace_seconds)
    for process in late:
        send(process, signal.SIGKILL)
    _remaining(late, 10)
    return late


def _remaining(processes: Sequence[Process], seconds: float) -> list[Process]:
    deadline = time.monotonic() + seconds
    left = [process for process in processes if is_alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if is_alive(process)]
    return left


def open_files() -> int:
    """Return how many files a process may have open at the most."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _started(pid: int) -> str | None:
    """The moment a process started, or None when there is none but perhaps its remains."""
    if _HAS_PROC:
        try:
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # Fields after the name: state is the 1st, start time (ticks since boot) the 20th (proc(5)).
        return None if fields[0] in "ZX" else f"{_boot()}/{fields[19]}"
    state, _, start = _ps(pid, "state=,lstart=").partition(" ")
    return None if not start or state.startswith("Z") else start.strip()


def _has_arguments(pid: int, argv: Sequence[str]) -> bool:
    """Compare the arguments only: an interpreter may stand before a script's own name."""
    if _HAS_PROC:
        try:
            line = (_PROC / str(pid) / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False
        found = line.removesuffix(b"\0").split(b"\0")
        wanted = [os.fsencode(argument) for argument in argv[1:]]
        # In the midst of exec a process has no arguments; id and start have matched already.
        return not line or not wanted or found[-len(wanted) :] == wanted
    return _ps(pid, "args=").endswith(" ".join(argv[1:]))


def _ps(pid: int, columns: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed program, our own arguments
        ["/bin/ps", "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


@cache
def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
