"""Container engines by the command lines they take: podman, docker, buildah. Pure but for PATH."""

import shutil
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from gaiectl.errors import GaieError, UsageError

Command = tuple[str, ...]


class Kind(StrEnum):
    """Engines, in the order in which they are looked for."""

    PODMAN = "podman"
    DOCKER = "docker"
    BUILDAH = "buildah"


class Engine(NamedTuple):
    """An engine of this machine.

    Attributes:
        kind: which command lines it takes.
        program: the name or path it is started by.
    """

    kind: Kind
    program: str

    def build(
        self, context: Path, containerfile: Path, arguments: Mapping[str, str], *flags: str
    ) -> Command:
        """Return what builds an image; the layers of an earlier build are used again."""
        layers = ("--layers",) if self.kind is Kind.BUILDAH else ()
        given = [word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))]
        place = ("--file", str(containerfile))
        return (self.program, "build", *layers, *place, *given, *flags, str(context))

    def push(self, image: str, target: str, *, is_insecure: bool = False) -> Sequence[Command]:
        """Return what pushes an image to a registry under another name.

        Args:
            image: its name in the engine.
            target: its name in the registry.
            is_insecure: HTTP will do, and any certificate.

        Raises:
            UsageError: docker is to be insecure, which its daemon alone decides.
        """
        if self.kind is Kind.DOCKER:
            if is_insecure:
                raise UsageError(
                    "docker takes it from its daemon which registries may be insecure",
                    hint='name it in "insecure-registries" of /etc/docker/daemon.json',
                )
            return ((self.program, "tag", image, target), (self.program, "push", target))
        verify = ("--tls-verify=false",) if is_insecure else ()
        return ((self.program, "push", *verify, image, f"docker://{target}"),)

    def size(self, image: str) -> Command:
        """Return what prints how large an image is, with the unit."""
        return (self.program, "images", "--format", "{{.Size}}", image)

    def start(self, image: str) -> Command | None:
        """Return what starts an image of ours once (``starting``); None if this engine cannot."""
        if self.kind is Kind.BUILDAH:
            return None
        alone = ("--network", "none", "--cap-drop", "all", "--read-only", "--tmpfs", "/tmp")  # noqa: S108 - in the container
        python = ("--entrypoint", "/opt/gaiectl/bin/python", image)
        return (self.program, "run", "--rm", *alone, *python, "-m", "gaiectl.containers.starting")

    def save(self, image: str, archive: Path) -> Command:
        """Return what writes an image as an archive in docker's form, which all clusters load."""
        if self.kind is Kind.DOCKER:
            return (self.program, "save", "--output", str(archive), image)
        return (self.program, "push", image, f"docker-archive:{archive}:{image}")


def find(kind: Kind | None = None) -> Engine:
    """Return the engine of this kind, or the first one in PATH.

    Raises:
        GaieError: it is not in PATH, or none is.
    """
    for one in [kind] if kind else Kind:
        if shutil.which(one):
            return Engine(one, one)
    if kind:
        others = "|".join(one for one in Kind if one is not kind)
        raise GaieError(
            f"{kind} is not in PATH",
            hint=f"install it, or choose another one: --engine {others}",
        )
    raise GaieError(
        "no container engine is in PATH: neither podman nor docker nor buildah",
        hint="install one of them, for example: apt-get install podman",
    )
