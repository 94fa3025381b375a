"""A stack's chart as a release of Helm's, so that ``helm list`` and ``helm rollback`` know it.

What is beside the chart (namespace, CRDs, model servers, a Gateway) is applied by us all the same:
the inventory holds that, and names the release.
"""

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gaiectl.charts import complete
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import MANAGED_BY, PART_OF, RELEASE, ApplySet
from gaiectl.cluster.connection import Access
from gaiectl.documents import Document, Identity, identity, in_namespace
from gaiectl.errors import Refused, UsageError
from gaiectl.helm.binary import Helm
from gaiectl.helm.releases import Installed, Releases
from gaiectl.plan import Objects, Plan, Release

ANNOTATION = RELEASE

_RELEASE = "owner=helm,status in (deployed,failed,pending-install,pending-upgrade,pending-rollback)"
_NAME, _NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"


class ByHelm(NamedTuple):
    """The part of a stack that is a release.

    Attributes:
        release: the chart and its values.
        holds: the objects that the chart renders.
        releases: those of the cluster.
    """

    release: Release
    holds: frozenset[Identity]
    releases: Releases

    def part(self, documents: Iterable[Document]) -> list[Document]:
        """Return what the release holds of these documents."""
        return [document for document in documents if identity(document) in self.holds]

    def rest(self, documents: Iterable[Document]) -> list[Document]:
        """Return what the release does not hold of these documents."""
        return [document for document in documents if identity(document) not in self.holds]

    def refuse_foreign(self, found: Document) -> None:
        """Raise unless an object that is in the cluster is the release's already.

        Raises:
            Refused: it belongs to somebody else, so that Helm would stop half-way.
        """
        metadata = found["metadata"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        who = identity(found)
        if labels.get(PART_OF):
            raise Refused(
                f"{who} was installed by gaiectl, not by Helm",
                hint="remove the stack first: gaiectl cleanup; or install without --as-helm",
            )
        owner = (annotations.get(_NAME), annotations.get(_NAMESPACE))
        ours = (self.release.name, self.release.namespace)
        if labels.get(MANAGED_BY) != "Helm" or owner != ours:
            raise Refused(
                f"{who} is there already, and not of the Helm release {self.release.name}",
                hint="give this stack another name, or delete that object",
            )

    def is_deployed(self) -> bool:
        """Tell whether the release is there, and its last change succeeded."""
        release = self.release
        found = asyncio.run(self.releases.status(release.name, release.namespace))
        return found is not None and found.status == "deployed"

    def carry_out(self) -> Installed:
        """Install or upgrade the release; what its pods do is not waited for.

        Raises:
            GaieError: Helm could not.
        """
        with tempfile.TemporaryDirectory(prefix="gaiectl-") as folder:
            chart = complete(self.release.chart, Path(folder))
            return asyncio.run(self.releases.install_or_upgrade(self.release, chart))


def release_of(cluster: Cluster, known: ApplySet) -> str:
    """Return the name of the Helm release that holds a stack's chart; empty if there is none."""
    name = known.annotations.get(ANNOTATION, "")
    return name if name and has_release(cluster, name, known.parent.namespace) else ""


def has_release(cluster: Cluster, name: str, namespace: str) -> bool:
    """Tell whether a namespace has a Helm release of this name that is, or was to be, there."""
    secrets = cluster.kinds.need("", "Secret")
    found = cluster.list(secrets, namespace, selector=f"{_RELEASE},name={name}")
    return any(secret.get("type") == "helm.sh/release.v1" for secret in found)


def refuse_release(cluster: Cluster, known: ApplySet) -> None:
    """Raise when a Helm release holds a part of a stack, for only Helm removes it as a whole.

    Raises:
        Refused: names the command that removes it.
    """
    if name := release_of(cluster, known):
        place = known.parent.namespace
        raise Refused(
            f"the chart of this stack is the Helm release {name} in namespace {place}",
            hint=f"helm uninstall {name} -n {place}, then clean up what is beside it",
        )


def by_helm(plan: Plan, documents: Iterable[Document], helm: Helm, access: Access) -> ByHelm:
    """Return the part of a stack that is a release.

    Args:
        plan: of the stack.
        documents: all that were rendered of it.
        helm: the binary to use.
        access: which cluster, as whom.

    Raises:
        UsageError: Helm cannot act as who is asked for, or the stack is several charts.
    """
    if access.user or access.groups:
        raise UsageError(
            "a Helm release cannot be installed as somebody else",
            hint="leave --as and --as-group out, or name another --context",
        )
    release, *more = (step.what for step in plan.steps if isinstance(step.what, Release))
    if more:
        raise UsageError(
            f"{plan.path} is made of several charts, and --as-helm makes one Helm release",
            hint=f"leave it out, or have helmfile make them: gaiectl export helmfile {plan.path}",
        )
    beside = {
        identity(document)
        for step in plan.steps
        if isinstance(step.what, Objects)
        for document in in_namespace(step.what.documents, plan.namespace)
    }
    holds = frozenset(
        who
        for who in map(identity, documents)
        if who not in beside and who.kind != "CustomResourceDefinition"
    )
    kubeconfig = Path(access.kubeconfig) if access.kubeconfig else None
    return ByHelm(release, holds, Releases(helm, kubeconfig=kubeconfig, context=access.context))
