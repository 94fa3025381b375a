"""A whole machine, in namespaces of its own (``python -m machine.inside FOLDER LISTENER LIFE``).

``LISTENER`` is a listening socket of the outer network: the API server is reached there. When the
pipe ``LIFE`` is closed out there, this process ends, and the kernel ends all others with it. Why it
could not start is its last words, for the log.
"""

import os
import socket
import sys
from pathlib import Path

from machine import control_plane, isolation, network, node, programs
from machine.control_plane import Site
from machine.entrance import open_entrance
from machine.images import NotLoaded
from machine.processes import Died, Processes


def home(folder: Path) -> Path:
    """Return where the machine of this folder has its files; the folder's own are its owner's."""
    return folder / "inside"


def kubeconfig(folder: Path) -> Path:
    """Return the kubeconfig of the machine in this folder."""
    return home(folder) / "kubeconfig"


def is_ready(folder: Path) -> bool:
    """Tell whether the machine in this folder runs pods."""
    return (home(folder) / "ready").exists()


def main() -> None:
    """Start the machine of the folder in the first argument, and wait until it is to end."""
    folder = Path(sys.argv[1])
    listener, life = map(int, sys.argv[2:])
    os.set_inheritable(listener, False)
    os.set_inheritable(life, False)
    home(folder).mkdir()
    try:
        _start(folder, socket.socket(fileno=listener))
    except (Died, NotLoaded, OSError) as error:
        sys.exit(str(error))
    (home(folder) / "ready").touch()
    os.read(life, 1)


def _start(folder: Path, listener: socket.socket) -> None:
    processes = Processes(home(folder))
    isolation.cover()
    network.prepare()
    found = programs.find(*programs.CONTROL_PLANE, *programs.NODE)
    _, port = listener.getsockname()
    plane = control_plane.start(found, processes, site=Site(network.NODE_ADDRESS, port))
    node.start(found, processes, plane, cgroup=folder.name)
    open_entrance(listener, "127.0.0.1", port)


if __name__ == "__main__":
    main()
