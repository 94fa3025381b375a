"""The container images that documents need, and the same documents with a mirror's images."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gaiectl.documents import Document, identity
from gaiectl.errors import UsageError
from gaiectl.references import DEFAULT_REGISTRY, HOST, PATH, is_registry, split

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_REGISTRY, _PATH = re.compile(HOST), re.compile(PATH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Who needs an image.

    Attributes:
        owner: the object, like ``Deployment.apps ns/name``.
        container: its name; for a volume made of an image, the volume's.
    """

    owner: str
    container: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, and everything that needs it.

    Attributes:
        reference: as it is written.
        repository: with its registry: ``docker.io/library/busybox`` for ``busybox``.
        tag: ``latest`` when neither a tag nor a digest is written, as container engines read it.
        digest: like ``sha256:...``; empty when the image is not pinned.
        uses: in the order of the documents.
    """

    reference: str
    repository: str
    tag: str
    digest: str
    uses: tuple[Use, ...]


def images(documents: Iterable[Document]) -> list[Image]:
    """Return every image that a pod of these documents needs, sorted by reference."""
    uses: dict[str, list[Use]] = {}

    def note(reference: str, container: str) -> str:
        uses.setdefault(reference, []).append(Use(owner=owner, container=container))
        return reference

    for document in documents:
        owner = str(identity(document))
        _with_images(document, note)
    return [_image(reference, uses[reference]) for reference in sorted(uses)]


def with_registry(documents: Iterable[Document], mirror: str) -> Iterator[Document]:
    """Return the documents with their images from another registry; paths stay as they are.

    Only what a pod runs is changed: an image named in a ConfigMap stays.

    Args:
        documents: unchanged.
        mirror: a registry, perhaps with a path: ``registry.example:5000/mirror``.

    Raises:
        UsageError: the mirror is none.
    """
    _checked(mirror)
    return (
        _with_images(document, lambda reference, _container: in_registry(reference, mirror))
        for document in documents
    )


def in_registry(reference: str, mirror: str) -> str:
    """Return the same image in another registry: its path, tag and digest stay.

    Raises:
        UsageError: the mirror is none.
    """
    registry, path, rest = split(reference)
    return f"{_checked(mirror)}/{_full_path(registry, path)}{rest}"


def _with_images(node: Any, change: Callable[[str, str], str]) -> Any:
    """Return a copy of the node in which each image reference went through ``change``.

    A map with a list of containers is a pod's specification, wherever it stands: in a Deployment,
    in a CronJob, twice in a LeaderWorkerSet.
    """
    if isinstance(node, list):
        return [_with_images(item, change) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: [_changed(item, change) for item in value]
        if key in (*_CONTAINERS, "volumes") and isinstance(value, list)
        else _with_images(value, change)
        for key, value in node.items()
    }


def _changed(part: Any, change: Callable[[str, str], str]) -> Any:
    """Return a container, or a volume made of an image, with its image changed."""
    match part:
        case {"name": name, "image": str(reference)} if reference:
            return {**part, "image": change(reference, str(name))}
        case {"name": name, "image": {"reference": str(reference), **others}} if reference:
            return {**part, "image": {**others, "reference": change(reference, str(name))}}
        case _:
            return part


def _image(reference: str, uses: list[Use]) -> Image:
    registry, path, rest = split(reference)
    named, _, digest = rest.partition("@")
    tag = named.removeprefix(":") or ("" if digest else "latest")
    repository = f"{registry}/{_full_path(registry, path)}"
    return Image(
        reference=reference, repository=repository, tag=tag, digest=digest, uses=tuple(uses)
    )


def _full_path(registry: str, path: str) -> str:
    """Return the path with the ``library/`` that docker.io's short names leave out."""
    return f"library/{path}" if registry == DEFAULT_REGISTRY and "/" not in path else path


def _checked(mirror: str) -> str:
    host, *path = mirror.rstrip("/").split("/")
    if is_registry(host) and _REGISTRY.fullmatch(host) and all(_PATH.fullmatch(p) for p in path):
        return "/".join((host, *path))
    raise UsageError(
        f"{mirror!r} is not a registry",
        hint="write its host with a dot or a port, without https://: registry.example:5000/mirror",
    )
