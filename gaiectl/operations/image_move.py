"""Bring an image from an engine of this machine to where a cluster finds it."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from gaiectl.containers import hints
from gaiectl.containers.engine import Command, Engine
from gaiectl.containers.places import CONTAINERD_SOCKETS, Place, loading, of_context
from gaiectl.containers.running import Tell, run
from gaiectl.errors import UsageError
from gaiectl.operations.images import in_registry
from gaiectl.references import split

_BUILD_FIRST = "gaiectl image build makes it; an image that is not ours: see how it is called"


class Load(NamedTuple):
    """Where an image is to be loaded.

    Attributes:
        image: its name in the engine.
        place: what kind of place.
        cluster: its name for kind, k3d and minikube; empty is that program's default.
        socket: of containerd; None is the first of the usual ones.
        archive: file to write and keep; None is a temporary one.
    """

    image: str
    place: Place
    cluster: str = ""
    socket: Path | None = None
    archive: Path | None = None


def place_of(context: str) -> tuple[Place, str]:
    """Return the local cluster of a kubeconfig's context, and its name.

    Raises:
        UsageError: the context is of no such cluster.
    """
    found = of_context(context)
    if found is None:
        raise UsageError(
            f"the context {context!r} is of no cluster of kind, k3d or minikube",
            hint="push the image to a registry that its nodes reach: gaiectl image push --to "
            "REGISTRY; or say --to containerd on each node, or --to archive --file FILE",
        )
    return found


def load_commands(engine: Engine | None, load: Load, archive: Path) -> list[Command]:
    """Return what loads an image by way of an archive.

    Args:
        engine: holds the image; None when the archive is there.
        load: what is wanted.
        archive: the file.

    Raises:
        UsageError: no containerd is where it is looked for.
    """
    saving = [] if engine is None else [engine.save(load.image, archive)]
    if load.place is Place.ARCHIVE:
        return saving
    socket = _socket(load.socket) if load.place is Place.CONTAINERD else Path()
    return [*saving, loading(load.place, archive, cluster=load.cluster, socket=socket)]


def load_image(engine: Engine | None, load: Load, tell: Tell) -> None:
    """Load an image.

    Raises:
        GaieError: a program is missing or fails.
    """
    # Written beside its place first: what is there is not lost when it fails, and podman and
    # buildah refuse to write over it. Not hidden: an engine that is a snap sees no such folders.
    place = load.archive.absolute().parent if engine and load.archive else None
    with tempfile.TemporaryDirectory(prefix="gaiectl-", dir=place) as folder:
        written = Path(folder, "image.tar")
        archive = written if engine or load.archive is None else load.archive
        known = hints.loading(load.place)
        for command in load_commands(engine, load, archive):
            is_saving = engine is not None and command[0] == engine.program
            what = load.image if engine else archive
            run(
                command,
                tell,
                doing=f"find or write {load.image}" if is_saving else f"load {what}",
                hints=known,
                hint=_BUILD_FIRST if is_saving else "",
            )
        if engine is not None and load.archive is not None:
            written.replace(load.archive)


def target_of(image: str, registry: str) -> str:
    """Return what an image is called in a registry: its path and tag stay.

    Raises:
        UsageError: this is no registry.
    """
    return in_registry(image, registry)


def push_image(
    engine: Engine, image: str, target: str, tell: Tell, *, is_insecure: bool = False
) -> None:
    """Push an image under another name.

    Args:
        engine: holds the image.
        image: its name there.
        target: its name in the registry.
        tell: gets each line that the engine says.
        is_insecure: HTTP will do, and any certificate.

    Raises:
        GaieError: the registry is not reached, or refuses.
        UsageError: docker is to be insecure.
    """
    known = hints.pushing(engine, split(target)[0])
    *naming, pushing = engine.push(image, target, is_insecure=is_insecure)
    for command in naming:
        run(command, tell, doing=f"find {image}", hints=known, hint=_BUILD_FIRST)
    run(pushing, tell, doing=f"push {target}", hints=known)


def _socket(given: Path | None) -> Path:
    for socket in (given,) if given else CONTAINERD_SOCKETS:
        if socket.exists():
            return socket
    where = f" at {given}" if given else " on this machine"
    raise UsageError(
        f"there is no containerd{where}",
        hint=f"run this on a node, or say where its socket is: --socket {CONTAINERD_SOCKETS[0]}",
    )
