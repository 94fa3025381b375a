"""Places that an image is loaded into from an archive, each by the tool that comes with it."""

from enum import StrEnum
from pathlib import Path

from gaiectl.containers.engine import Command

CONTAINERD_SOCKETS = (
    Path("/run/containerd/containerd.sock"),
    Path("/run/k3s/containerd/containerd.sock"),
)
"""Of a distribution's containerd, and of k3s."""


class Place(StrEnum):
    """Where an image goes."""

    KIND = "kind"
    K3D = "k3d"
    MINIKUBE = "minikube"
    CONTAINERD = "containerd"
    ARCHIVE = "archive"


def loading(place: Place, archive: Path, *, cluster: str, socket: Path) -> Command:
    """Return the command that loads an archive.

    Args:
        place: not ``archive``, which needs no command.
        archive: in docker's form.
        cluster: its name for kind, k3d and minikube.
        socket: of containerd, on a node.
    """
    given = str(archive)
    match place:
        case Place.KIND:
            return ("kind", "load", "image-archive", given, "--name", cluster or "kind")
        case Place.K3D:
            return ("k3d", "image", "import", given, "--cluster", cluster or "k3s-default")
        case Place.MINIKUBE:
            return ("minikube", "image", "load", given, "--profile", cluster or "minikube")
        case _:
            address = ("--address", str(socket), "--namespace", "k8s.io")
            return ("ctr", *address, "images", "import", given)


def of_context(context: str) -> tuple[Place, str] | None:
    """Return which local cluster a kubeconfig's context means, and its name; None for others.

    The programs call contexts ``kind-NAME`` and ``k3d-NAME``; minikube takes the profile's name.
    """
    for place in (Place.KIND, Place.K3D):
        if context.startswith(f"{place}-"):
            return place, context.removeprefix(f"{place}-")
    return (Place.MINIKUBE, context) if context == "minikube" else None
