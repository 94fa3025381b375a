"""A machine for one test module alone, with all that a standalone stack runs.

There all objects can be compared with those before, and the node can be troubled.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from gaiectl.cluster.api import Cluster as Api
from machine import images, lease, node, stack_images
from machine.cluster import Cluster
from machine.images import Image
from machine.snapshot import cluster_image

_SETTLE_SECONDS = 60
_STILL_SECONDS = 3


@contextlib.contextmanager
def alone(folder: Path, kubectl: Path, bare_python: Image) -> Iterator[Cluster]:
    """Run the machine as long as the context lasts.

    Args:
        folder: an empty one.
        kubectl: the program.
        bare_python: an image with Python.
    """
    with lease.machine(folder, has_node=True) as kubeconfig:
        socket = node.containerd_socket(kubeconfig.parent)
        for number, make in enumerate(
            (lambda place: stack_images.epp(bare_python, place), stack_images.envoy)
        ):
            place = folder / f"image-{number}"
            place.mkdir()
            archive = place / "archive.tar"
            images.write(make(place), archive)
            images.load(archive, socket)
            archive.unlink()
        yield Cluster(kubectl, kubeconfig, folder / "kubectl")


def settled(api: Api) -> dict[str, str]:
    """Return all that is in a cluster as soon as Kubernetes itself brings nothing more."""
    seen: dict[str, str] = {}
    while seen != (seen := cluster_image(api)):
        time.sleep(_STILL_SECONDS)
    return seen


def differences(api: Api, before: dict[str, str]) -> set[tuple[str, str]]:
    """Return what is in a cluster and was not, and the reverse, when nothing goes any more."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (now := cluster_image(api)) != before and time.monotonic() < deadline:
        time.sleep(0.5)
    return set(now.items()) ^ set(before.items())
