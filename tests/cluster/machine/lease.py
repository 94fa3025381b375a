"""How a test run gets its machine: joins the one that is there, or starts it."""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from machine import isolation
from machine.processes import Died, stop_recorded
from machine.programs import locked

_PREFIX = "gaiectl-machine-"
_START_SECONDS = 600
_STOP_SECONDS = 240


@contextlib.contextmanager
def machine(rendezvous: Path, *, has_node: bool = False) -> Iterator[Path]:
    """Lend a running machine; its last user ends it.

    Args:
        rendezvous: folder that all who shall share the machine have in common.
        has_node: one that runs pods; it is another machine than the one that does not.

    Yields:
        The path of a kubeconfig.

    Raises:
        Died: it could not be started; the text says why.
    """
    note = rendezvous / ("machine" if has_node else "control-plane")
    with locked(note.with_suffix(".lock")):
        lent = _join(Path(note.read_text())) if note.exists() else None
        if lent is None:
            folder = _begin(has_node=has_node)
            note.write_text(str(folder))
            lent = _join(folder)
    if lent is None:
        raise Died("the machine ended while it started")
    connection, answer = lent
    with connection:
        try:
            if "failed" in answer:
                raise Died(answer["failed"])
            yield Path(answer["kubeconfig"])
        finally:
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(_STOP_SECONDS)
            connection.recv(1)  # ends when we were not the last, or when nothing is left


def sweep() -> None:
    """Remove what machines left whose owner died."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            alive = (folder / "alive").open()
        except OSError:
            continue
        with alive:
            try:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            stop_recorded(folder)
            isolation.remove_cgroups(folder.name)
            shutil.rmtree(folder, ignore_errors=True)


def _join(folder: Path) -> tuple[socket.socket, dict[str, str]] | None:
    """Connect to the machine of this folder; None when there is none, or none any more."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_START_SECONDS)
    try:
        connection.connect(str(folder / "socket"))
        with connection.makefile() as lines:
            line = lines.readline()
    except OSError:
        line = ""
    if not line:
        connection.close()
        return None
    return connection, json.loads(line)


def _begin(*, has_node: bool) -> Path:
    """Start the owner of a new machine and return its folder."""
    sweep()
    # Locked before it gets the name that sweepers look for.
    unnamed = Path(tempfile.mkdtemp(prefix="gaiectl-new-"))
    folder = unnamed.with_name(unnamed.name.replace("gaiectl-new-", _PREFIX))
    with (unnamed / "alive").open("w") as alive, socket.socket(socket.AF_UNIX) as listener:
        fcntl.flock(alive, fcntl.LOCK_EX)
        unnamed.rename(folder)
        listener.bind(str(folder / "socket"))
        listener.listen(64)
        inherited = (alive.fileno(), listener.fileno())
        for descriptor in inherited:
            os.set_inheritable(descriptor, True)
        os.posix_spawn(
            sys.executable,
            [
                *(sys.executable, "-m", "machine.serve", str(folder), *map(str, inherited)),
                *(["node"] if has_node else []),
            ],
            {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,  # Ctrl-C is for the test run; the machine ends with it in order
        )
    return folder
