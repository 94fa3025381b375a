"""The owner of a machine: starts it, lends it to whoever connects, ends it with the last of them.

A process of its own (``python -m machine.serve FOLDER ALIVE LISTENER [node]``), because the workers
of a parallel test run share a machine, and none of them is sure to live longest. Whoever wants it
connects to ``FOLDER/socket``, is sent one line of JSON (``{"kubeconfig": PATH}`` or
``{"failed": REASON}``) and stays connected. So a user who crashes has left. The last one sees its
connection closed when nothing is left, neither process nor file.
"""

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import types
from pathlib import Path
from typing import NoReturn

from machine import control_plane, programs, whole
from machine.processes import Died, Processes

FIRST_USER_SECONDS = 60


def main() -> None:
    """Serve the machine of the folder in the first argument.

    The next two are file descriptors: the lock that tells sweepers that we live, and the socket
    on which users arrive. Another argument asks for a machine that runs pods.
    """
    folder = Path(sys.argv[1])
    alive, arrivals = map(int, sys.argv[2:4])
    for descriptor in (alive, arrivals):
        os.set_inheritable(descriptor, False)
    listener = socket.socket(fileno=arrivals)
    signal.signal(signal.SIGTERM, _end)
    last_user: socket.socket | None = None
    try:
        with contextlib.ExitStack() as ends:
            ends.callback(shutil.rmtree, folder, ignore_errors=True)
            processes = Processes(folder)
            ends.callback(processes.stop)
            ends.callback(listener.close)
            last_user = _lend(listener, _started(processes, ends, has_node=bool(sys.argv[4:])))
    finally:
        if last_user is not None:
            last_user.close()


def _started(processes: Processes, ends: contextlib.ExitStack, *, has_node: bool) -> str:
    """Start everything; return the line that users are sent."""
    try:
        if has_node:
            kubeconfig = ends.enter_context(whole.running(processes))
        else:
            found = programs.find(*programs.CONTROL_PLANE)
            kubeconfig = control_plane.start(found, processes).kubeconfig
    except (Died, programs.Missing) as error:
        return json.dumps({"failed": str(error)})
    return json.dumps({"kubeconfig": str(kubeconfig)})


def _lend(listener: socket.socket, answer: str) -> socket.socket | None:
    """Answer users until the last one has left; return its connection."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    users = 0
    patience: float | None = FIRST_USER_SECONDS
    while events := selector.select(patience):
        patience = None
        for key, _ in events:
            if key.fileobj is listener:
                user, _ = listener.accept()
                selector.register(user, selectors.EVENT_READ)
                users += 1
                with contextlib.suppress(OSError):
                    user.sendall(answer.encode() + b"\n")
                continue
            user = key.fileobj  # type: ignore[assignment] # only sockets are registered
            selector.unregister(user)
            users -= 1
            if not users:
                return user
            user.close()
    return None


def _end(number: int, frame: types.FrameType | None) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
