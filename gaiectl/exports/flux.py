"""Flux: a GitRepository and Kustomizations that wait for one another.

APIs of source-controller and kustomize-controller v1.
"""

from pathlib import PurePosixPath

from gaiectl.documents import Document, dump
from gaiectl.exports import kustomize, manifests
from gaiectl.exports.repository import Repository, called
from gaiectl.operations.render import Rendered

_CONTROLLER = "flux-system"
_STAYS = ("kustomize.toolkit.fluxcd.io/prune", "disabled")


def files(rendered: Rendered, repository: Repository) -> dict[str, str]:
    """Return what Flux is told, and the objects that it applies."""
    name = called(rendered.plan)
    based = kustomize.bases(manifests.staying(rendered.documents, *_STAYS))
    has_definitions = any(path.startswith("crds/") for path in based)
    told: list[Document] = [
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": _CONTROLLER},
            "spec": {
                "interval": "5m",
                "url": repository.url,
                "ref": {"branch": repository.revision},
            },
        }
    ]
    if has_definitions:
        # Not pruned: others may use them.
        told.append(_kustomization(f"{name}.crds", name, repository, "crds", {"prune": False}))
    after = {"dependsOn": [{"name": f"{name}.crds"}]} if has_definitions else {}
    told.append(_kustomization(name, name, repository, "base", {"prune": True, **after}))
    return {"flux.yaml": dump(told), **based}


def _kustomization(
    name: str, source: str, repository: Repository, folder: str, more: Document
) -> Document:
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": _CONTROLLER},
        "spec": {
            "interval": "10m",
            "timeout": "10m",
            "wait": True,
            "sourceRef": {"kind": "GitRepository", "name": source},
            "path": f"./{PurePosixPath(repository.path) / folder}",
            **more,
        },
    }
