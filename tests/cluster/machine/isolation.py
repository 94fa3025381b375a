"""A node's share of this computer: namespaces that end with it, and control groups by its name.

Mounts, links, routes, iptables rules and processes of a node live in mount, network and process
namespaces of its own. The kernel removes them when the first process of the process namespace has
ended, however it ended. Control groups are the only thing that would stay; they bear the name of
the machine's folder, so whoever removes the folder knows them.
"""

import contextlib
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_PODS_WEIGH = 8
"""As many processes of others."""

_REMOVE_SECONDS = 60.0

# Settings of the whole computer on which a kubelet insists. It reads them here, and sets none.
TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def isolated(argv: Sequence[str]) -> list[str]:
    """Return the command line that runs another one in new namespaces.

    The shell is the first process there: it waits for orphans of containers, too. When it is
    killed, or whoever runs this command line, everything in the namespaces is.
    """
    namespaces = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
    return ["unshare", *namespaces, "--", "sh", "-c", '"$@"; exit $?', "sh", *argv]


def cover() -> None:
    """Put folders of our own over those that nodes write to; called in the namespaces.

    Raises:
        OSError: a mount is refused; the text is what mount(8) said.
    """
    _mount("-t", "tmpfs", "tmpfs", "/run")
    _mount("-t", "tmpfs", "tmpfs", "/var/log")
    layers = Path("/run/var-lib")
    for folder in ("upper", "work"):
        (layers / folder).mkdir(parents=True)
    # The computer's own stays visible: a home or a cache may be there.
    _mount(
        *("-t", "overlay", "overlay", "/var/lib", "-o"),
        f"lowerdir=/var/lib,upperdir={layers}/upper,workdir={layers}/work",
    )
    for name, value in TUNABLES.items():
        stand_in = Path("/run/tunables") / name
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(f"{value}\n")
        _mount("--bind", str(stand_in), f"/proc/sys/{name}")


def is_overlay_possible(folder: Path) -> bool:
    """Tell whether containers can have layered file systems in this folder; tried out."""
    trial = folder / "overlay-trial"
    for name in ("lower", "upper", "work", "merged"):
        (trial / name).mkdir(parents=True)
    try:
        _mount(
            *("-t", "overlay", "overlay", str(trial / "merged"), "-o"),
            f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work",
        )
    except OSError:
        return False
    subprocess.run(["umount", str(trial / "merged")], check=True)
    return True


def cgroups(name: str) -> list[Path]:
    """Return the control groups called ``name``: one for each hierarchy of version 1, or one."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS / name]
    return [hierarchy / name for hierarchy in _CGROUPS.iterdir() if hierarchy.is_dir()]


def make_cgroups(name: str) -> None:
    """Make the control groups below which a node puts those of its pods.

    By default a group weighs as much as one process: on a computer that does other things too, all
    pods together would starve.
    """
    for group in cgroups(name):
        with contextlib.suppress(FileExistsError):
            group.mkdir()
        for weight, standard in (("cpu.shares", 1024), ("cpu.weight", 100)):
            if (group / weight).exists():
                (group / weight).write_text(str(_PODS_WEIGH * standard))


def remove_cgroups(name: str) -> None:
    """Remove control groups and all below, once the kernel has ended what was in them."""
    deadline = time.monotonic() + _REMOVE_SECONDS
    for group in cgroups(name):
        while group.exists():
            below = [path for path in group.rglob("*") if path.is_dir()]
            try:
                for path in [*sorted(below, reverse=True), group]:
                    path.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())
