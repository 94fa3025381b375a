"""The network of a node, in a network namespace of its own.

Pods are not on a bridge but each on a link to the node (CNI plugin ptp): what one sends to another
is routed, so kube-proxy's rules see it, with or without the kernel's br_netfilter. Nothing leads
out of the namespace but the API server's port, which ``entrance`` carries.
"""

import json
import shutil
import subprocess
from pathlib import Path

from machine.control_plane import SERVICE_RANGE

NODE_ADDRESS = "10.88.77.1"
POD_RANGE = "10.244.0.0/24"

# Debian's package, and where everybody else puts them
_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
_PLUGINS = ("ptp", "host-local", "portmap", "loopback")


def plugins() -> Path | None:
    """Return the folder of the CNI plugins, or None where they are not installed."""
    for folder in _PLUGIN_FOLDERS:
        if all((folder / name).is_file() for name in _PLUGINS):
            return folder
    return None


def prepare() -> None:
    """Give the namespace the node's address, and a way for connections to Services."""
    _ip("link", "set", "lo", "up")
    _ip("address", "add", f"{NODE_ADDRESS}/32", "dev", "lo")
    # Only to be sent at all: kube-proxy's rules give it the address of a Pod.
    _ip("route", "add", SERVICE_RANGE, "dev", "lo", "src", NODE_ADDRESS)


def configure(folder: Path) -> None:
    """Write the configuration of CNI into a folder."""
    folder.mkdir()
    ptp = {
        "type": "ptp",
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": POD_RANGE}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    configuration = {"cniVersion": "1.0.0", "name": "gaiectl-test", "plugins": [ptp, ports]}
    (folder / "10-gaiectl-test.conflist").write_text(json.dumps(configuration))


def _ip(*arguments: str) -> None:
    program = shutil.which("ip") or "/sbin/ip"
    subprocess.run([program, *arguments], check=True)
