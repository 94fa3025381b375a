"""The controller of LeaderWorkerSets: program, image and its own chart, from its Go module."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from machine import programs
from machine.cluster import Cluster
from machine.images import Image
from machine.python_image import write_program

NAMESPACE = "lws-system"

_SOURCES = Path(__file__).parent / "leader_worker_set"
_MODULE = "sigs.k8s.io/lws"
_REPOSITORY, _TAG = "localhost/gaiectl-test/lws", "test"
_SECONDS = 240
_SETTINGS = {
    "image.manager.repository": _REPOSITORY,
    "image.manager.tag": _TAG,
    "image.manager.pullPolicy": "IfNotPresent",
    "resources.requests.cpu": "10m",
    "resources.requests.memory": "64Mi",
}
_MANAGER = "/manager"
_USER = 65532
_DEFINITION = "crd/leaderworkersets.leaderworkerset.x-k8s.io"


def image(folder: Path) -> Iterator[Image]:
    """Yield the image of the controller, building what the cache lacks; files go into ``folder``.

    Raises:
        Missing: there is no Go, the module cannot be had, or the build failed.
    """
    name = _MANAGER.lstrip("/")
    built = programs.built(_SOURCES, "leader-worker-set", {name: f"{_MODULE}/cmd"})
    layer = folder / f"{name}.tar"
    with tarfile.open(layer, "w") as tar:
        write_program(tar, built / name, _MANAGER)
    yield Image(f"{_REPOSITORY}:{_TAG}", [layer], [_MANAGER], user=_USER)


def install(cluster: Cluster, helm: Path) -> None:
    """Install the controller into a cluster that has its image; returns when it serves.

    Its webhooks refuse LeaderWorkerSets until it has made their certificates; then it is ready.
    """
    chart = programs.module(_MODULE, _SOURCES) / "charts/lws"
    settings = [f"--set={name}={value}" for name, value in _SETTINGS.items()]
    cluster.use(
        helm,
        *("upgrade", "--install", "lws", str(chart), *settings),
        *("--namespace", NAMESPACE, "--create-namespace"),
        *("--wait", f"--timeout={_SECONDS}s"),
    )
    cluster.do("wait", "--for=condition=Established", "--timeout=180s", _DEFINITION)


def remove(cluster: Cluster, helm: Path) -> None:
    """Take away all that ``install`` brought, whatever of it there is."""
    gone = ("delete", "--ignore-not-found", "--wait=true", f"--timeout={_SECONDS}s")
    cluster.use(helm, "uninstall", "lws", f"--namespace={NAMESPACE}", "--ignore-not-found")
    cluster.do(*gone, "namespace", NAMESPACE)
