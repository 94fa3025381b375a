"""What stacks share goes only if asked, if gaiectl brought it, and if nobody else uses it.

These are CustomResourceDefinitions, with which every object of their kind would go, and namespaces,
with which everything in them would go. They go last, after the stacks.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.sweep import everything_in
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError
from gaiectl.operations.cleanup import Kept, Removal, Report
from gaiectl.operations.gone import Patience
from gaiectl.operations.phases import Phase

_DEFINITIONS = ("apiextensions.k8s.io", "CustomResourceDefinition")
_OWN = {
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "openshift-service-ca.crt"),
    ("ConfigMap", "istio-ca-root-cert"),
    ("ConfigMap", "istio-ca-crl"),
}
"""What Kubernetes, OpenShift and Istio put into every namespace."""
_TOLD = 3


class SharedRemoval(NamedTuple):
    """What is to go of what stacks share.

    Attributes:
        definitions: CustomResourceDefinitions.
        namespaces: as objects.
        kept: what was asked for and stays, and why.
    """

    definitions: tuple[Document, ...] = ()
    namespaces: tuple[Document, ...] = ()
    kept: tuple[Kept, ...] = ()

    @property
    def is_something(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.definitions or self.namespaces)


def plan_shared(
    cluster: Cluster, removals: Sequence[Removal], *, crds: bool, namespaces: Iterable[str]
) -> SharedRemoval:
    """Return what is to go after some stacks; nothing is changed.

    Args:
        cluster: where.
        removals: of the stacks that go before; what is theirs keeps nothing from going.
        crds: whether definitions are to go.
        namespaces: names of those that are to go.
    """
    going = {uid for removal in removals for uid in removal.uids}
    going |= {removal.inventory.uid for removal in removals}
    definitions, kept = _definitions(cluster, going) if crds else ([], [])
    placed = []
    for name in namespaces:
        found = cluster.get(Identity("", "Namespace", "", name))
        if found is None or found["metadata"].get("deletionTimestamp"):
            continue
        reason = _why_not(cluster, found, going)
        if reason:
            kept.append(Kept(identity(found), reason))
        else:
            placed.append(found)
    return SharedRemoval(tuple(definitions), tuple(placed), tuple(kept))


def remove_shared(
    cluster: Cluster, shared: SharedRemoval, patience: Patience, report: Report
) -> tuple[Kept, ...]:
    """Remove it, as far as it is still unused; return what stays after all.

    Raises:
        TimedOut: something is still there.
    """
    kept: list[Kept] = []
    if shared.definitions:
        report.began(Phase.CRDS, len(shared.definitions))
        wanted = {one["metadata"]["uid"] for one in shared.definitions}
        definitions, used = _definitions(cluster, set())
        names = {identity(one) for one in shared.definitions}
        kept += [one for one in used if one.who in names]
        gone = [one for one in definitions if one["metadata"]["uid"] in wanted]
        _delete(cluster, gone, patience, report)
        cluster.kinds.forget()
    for namespace in shared.namespaces:
        report.began(Phase.NAMESPACE, 1)
        reason = _why_not(cluster, namespace, set())
        if reason:
            kept.append(Kept(identity(namespace), reason))
        else:
            _delete(cluster, [namespace], patience, report)
    return tuple(kept)


def _delete(
    cluster: Cluster, documents: Iterable[Document], patience: Patience, report: Report
) -> None:
    listed = list(documents)
    for document in listed:
        if cluster.delete(identity(document), uid=document["metadata"]["uid"]):
            report.deleted(identity(document))
    patience.until_gone(cluster, listed)


def _definitions(cluster: Cluster, going: set[str]) -> tuple[list[Document], list[Kept]]:
    """Return definitions that we brought and nobody uses, and those that somebody uses."""
    resource = cluster.kinds.need(*_DEFINITIONS)
    selector = f"{applyset.BROUGHT_BY}={applyset.TOOL}"
    free, used = [], []
    for definition in cluster.list(resource, selector=selector):
        spec = definition["spec"]
        reason = _users(cluster, spec["group"], spec["names"]["kind"], going)
        if reason:
            used.append(Kept(identity(definition), reason))
        else:
            free.append(definition)
    return free, used


def _users(cluster: Cluster, group: str, kind: str, going: set[str]) -> str:
    """Return who uses a kind; empty if nobody does."""
    for parent in applyset.parents(cluster):
        if (group, kind) in applyset.kinds_of(parent) and parent["metadata"]["uid"] not in going:
            who = identity(parent)
            return f"stack {applyset.stack_of(who)} in namespace {who.namespace} uses it"
    resource = cluster.kinds.find(group, kind)
    if resource is None:
        return ""
    objects = [
        identity(one)
        for one in cluster.list(resource, metadata_only=True)
        if one["metadata"]["uid"] not in going
    ]
    return f"there are objects of it: {_some(map(_place, objects))}" if objects else ""


def _why_not(cluster: Cluster, namespace: Document, going: set[str]) -> str:
    """Return why a namespace is not to go; empty if it may."""
    if not applyset.was_brought(namespace):
        return "gaiectl did not make it"
    name = namespace["metadata"]["name"]
    try:
        foreign = Counter(
            one["kind"]
            for one in everything_in(cluster, name)
            if one["metadata"]["uid"] not in going
            and (one["kind"], one["metadata"]["name"]) not in _OWN
            and not _is_lock(one, going)
        )
    except ApiError as error:
        if error.status != 403:
            raise
        raise GaieError(
            f"you may not look what else is in namespace {name}",
            hint="leave out --namespace, or ask for the right to list everything in it",
            detail=error.message,
        ) from None
    told = [f"{count} {kind}" for kind, count in sorted(foreign.items())]
    return f"it holds more: {', '.join(told)}" if told else ""


def _is_lock(document: Document, going: set[str]) -> bool:
    owners = document["metadata"].get("ownerReferences") or ()
    return document["kind"] == "Lease" and any(one.get("uid") in going for one in owners)


def _place(who: Identity) -> str:
    return f"{who.namespace}/{who.name}" if who.namespace else who.name


def _some(texts: Iterable[str]) -> str:
    """Return the first few, and how many more there are."""
    listed = sorted(texts)
    more = f" and {len(listed) - _TOLD} more" if len(listed) > _TOLD else ""
    return ", ".join(listed[:_TOLD]) + more
