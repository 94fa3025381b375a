"""Argo CD: an Application, and the objects in waves, as an installation has phases.

Sync waves and options: Argo CD's user guide.
"""

from pathlib import PurePosixPath

from gaiectl.documents import dump
from gaiectl.exports import manifests
from gaiectl.exports.repository import Repository, called
from gaiectl.operations.phases import by_phase
from gaiectl.operations.render import Rendered

WAVE = "argocd.argoproj.io/sync-wave"
_STAYS = ("argocd.argoproj.io/sync-options", "Prune=false,Delete=false")
_CONTROLLER = "argocd"


def files(rendered: Rendered, repository: Repository) -> dict[str, str]:
    """Return the Application and the objects that it syncs."""
    plan = rendered.plan
    waves = [
        manifests.with_annotation(document, WAVE, str(wave))
        for wave, (_, documents) in enumerate(by_phase(rendered.documents))
        for document in manifests.staying(documents, *_STAYS)
    ]
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": called(plan), "namespace": _CONTROLLER},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": repository.url,
                "targetRevision": repository.revision,
                "path": str(PurePosixPath(repository.path) / "base"),
            },
            "destination": {
                "server": "https://kubernetes.default.svc",
                "namespace": plan.namespace,
            },
            # Definitions are too large for the annotation of a client-side apply.
            "syncPolicy": {"syncOptions": ["ServerSideApply=true"]},
        },
    }
    return {"application.yaml": dump([application]), **manifests.files(waves, "base")}
