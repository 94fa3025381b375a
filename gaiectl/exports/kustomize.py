"""Kustomize: a base for overlays, or for ``kubectl apply -k``."""

from gaiectl.exports import manifests
from gaiectl.operations.render import Rendered


def files(rendered: Rendered) -> dict[str, str]:
    """Return a base; definitions have one of their own, to be applied before."""
    definitions, rest = manifests.parted(rendered.documents)
    return {
        **(manifests.files(definitions, "crds") if definitions else {}),
        **manifests.files(rest, "base"),
    }
