"""Kustomize: a base for overlays, or for ``kubectl apply -k``."""

from collections.abc import Iterable

from gaiectl.documents import Document
from gaiectl.exports import manifests
from gaiectl.operations.render import Rendered


def files(rendered: Rendered) -> dict[str, str]:
    """Return a base; definitions have one of their own, to be applied before."""
    return bases(rendered.documents)


def bases(documents: Iterable[Document]) -> dict[str, str]:
    """Return the same of these objects."""
    definitions, rest = manifests.parted(documents)
    return {
        **(manifests.files(definitions, "crds") if definitions else {}),
        **manifests.files(rest, "base"),
    }
