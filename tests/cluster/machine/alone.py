"""A machine for one test module alone, with all that a standalone stack runs.

There all objects can be compared with those before, and the node can be troubled.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from machine import images, lease, node, stack_images
from machine.cluster import Cluster
from machine.images import Image


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
