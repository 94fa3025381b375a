"""What gaiectl brought into a cluster goes again, if nobody uses it; what others brought stays."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import was_brought
from gaiectl.cluster.sweep import everything_in, owned_by
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import Refused
from gaiectl.helm import elsewhere
from gaiectl.helm.binary import Helm
from gaiectl.operations import lock
from gaiectl.operations.cleanup import Kept, Report
from gaiectl.operations.gone import Patience
from gaiectl.operations.prereqs import releases, tokens
from gaiectl.operations.prereqs.releases import is_ours, place_of, release_of
from gaiectl.operations.prereqs.steps import managers
from gaiectl.operations.shared_cleanup import SharedRemoval, plan_shared, remove_shared
from gaiectl.prereqs import ALL
from gaiectl.prereqs.kinds import Prereq

_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
_KEPT = "helm.sh/resource-policy"
_TOLD = 3
_PEOPLE = ("kubectl", "Helm release")
"""Who makes classes by hand; a controller makes its own, and Helm takes its own away."""


class Removal(NamedTuple):
    """What is to go of one thing.

    Attributes:
        prereq: which.
        told: each part that goes, as it is said to users; empty if it is not there.
        carry_out: removes it; returns what stays, and why.
    """

    prereq: Prereq
    told: tuple[str, ...]
    carry_out: Callable[[Patience, Report], tuple[Kept, ...]]


def plan(
    cluster: Cluster,
    wanted: Sequence[Prereq],
    helm: Callable[[], Helm],
    namespace: str,
    secret: str = "",
) -> Iterator[Removal]:
    """Yield what is to go, what needs others first; nothing is changed.

    Args:
        cluster: where.
        wanted: in the order of their installation.
        helm: returns the helm to use.
        namespace: of a Secret.
        secret: its name; empty for the usual one.

    Raises:
        Refused: it is somebody else's, or used.
    """
    for prereq in reversed(wanted):
        if prereq.token is not None:
            given = tokens.Given(secret=secret)
            yield _token(cluster, prereq, tokens.secret_of(prereq, namespace, given))
        elif prereq.charts:
            yield _releases(cluster, prereq, helm)
        else:
            yield _definitions(cluster, prereq)


def _token(cluster: Cluster, prereq: Prereq, who: Identity) -> Removal:
    found = cluster.get(who)
    if found is None:
        return _nothing(prereq)
    if not tokens.was_made(found):
        raise Refused(
            f"{who} was not made by gaiectl but by {managers(found)}",
            hint=f"kubectl delete secret {who.name} -n {who.namespace}, if nobody needs it",
        )

    def carry_out(patience: Patience, report: Report) -> tuple[Kept, ...]:
        if cluster.delete(who, uid=found["metadata"]["uid"]):
            report.deleted(who)
        patience.until_gone(cluster, [found])
        return ()

    return Removal(prereq, (who.title,), carry_out)


def _definitions(cluster: Cluster, prereq: Prereq) -> Removal:
    names = [*prereq.bundled, *(file.name.removesuffix(".yaml") for file in prereq.files)]
    wanted = {_crd_name(name) for name in names}
    there = [found for name in wanted if (found := cluster.get(Identity(*_DEFINITION, "", name)))]
    if not there:
        return _nothing(prereq)
    foreign = [one for one in there if not was_brought(one)]
    if foreign:
        by = ", ".join(dict.fromkeys(map(managers, foreign)))
        raise Refused(
            f"{prereq.name}: {foreign[0]['metadata']['name']} was brought by {by}, not by gaiectl",
            hint="leave it, for others use it; kubectl delete crd takes every object along",
        )
    shared = plan_shared(cluster, (), crds=True, namespaces=())
    used = [one for one in shared.kept if one.who.name in wanted]
    if used:
        raise Refused(
            f"{prereq.name}: {used[0].who.name} stays: {used[0].reason}",
            hint="remove these objects first; a definition takes all of its kind along",
        )
    going = tuple(one for one in shared.definitions if one["metadata"]["name"] in wanted)

    def carry_out(patience: Patience, report: Report) -> tuple[Kept, ...]:
        kept = remove_shared(cluster, SharedRemoval(going), patience, report)
        if kept:
            raise Refused(
                f"{kept[0].who.name} stays: {kept[0].reason}", hint="remove these objects first"
            )
        return ()

    return Removal(prereq, tuple(identity(one).title for one in going), carry_out)


def _crd_name(name: str) -> str:
    """Return the name of a definition, for files are called ``GROUP_PLURAL``."""
    group, separator, plural = name.rpartition("_")
    return f"{plural}.{group}" if separator else name


def _releases(cluster: Cluster, prereq: Prereq, helm: Callable[[], Helm]) -> Removal:
    found = [(chart, release_of(cluster, chart)) for chart in prereq.charts]
    there = [
        (chart, release)
        for chart, release in found
        if release is not None and releases.made_for(release) in ("", prereq.name)
    ]
    if not there:
        if running := releases.controllers_of(cluster, prereq):
            who = identity(running[0])
            raise Refused(
                f"{prereq.name}: {who} is no Helm release that gaiectl made",
                hint=f"remove it as it was installed, by {managers(running[0])}",
            )
        return _nothing(prereq)
    for chart, release in there:
        if not is_ours(release):
            raise Refused(
                f"{prereq.name}: the Helm release {chart.release} was not made by gaiectl",
                hint=f"helm uninstall {chart.release} -n {chart.namespace}, if nobody needs it",
            )
    classes = _classes(cluster, prereq)
    place = place_of(cluster.connection.access)
    going = [chart for chart, _ in reversed(there)]
    owners: set[Identity] = set()
    for chart in going:
        applied = elsewhere.manifest(helm(), place, chart.release, chart.namespace)
        _refuse_used(cluster, prereq, applied)
        owners |= {who._replace(namespace=chart.namespace) for who in map(identity, applied)}
    spaces = sorted({chart.namespace for chart in going if _is_brought(cluster, chart.namespace)})
    elections = [one for name in spaces for one in _elections(cluster, name, owners)]

    def carry_out(patience: Patience, report: Report) -> tuple[Kept, ...]:
        made = [one for name in spaces for one in _dependents(cluster, name, owners)]
        for chart in going:
            elsewhere.uninstall(
                helm(), place, chart.release, chart.namespace, max(patience.left, 1)
            )
            report.deleted(Identity("helm.sh", "Release", chart.namespace, chart.release))
        patience.until_gone(cluster, made)  # a little after what it was made for, Helm knows of
        cluster.kinds.forget()
        for one in (*classes, *elections):
            if cluster.delete(identity(one), uid=one["metadata"]["uid"]):
                report.deleted(identity(one))
        shared = plan_shared(cluster, (), crds=False, namespaces=spaces)
        return (*shared.kept, *remove_shared(cluster, shared, patience, report))

    told = (
        *(f"Helm release {chart.release} in namespace {chart.namespace}" for chart in going),
        *(identity(one).title for one in (*classes, *elections)),
    )
    return Removal(prereq, told, carry_out)


def _is_brought(cluster: Cluster, namespace: str) -> bool:
    found = cluster.get(Identity("", "Namespace", "", namespace))
    return found is not None and was_brought(found)


def _dependents(cluster: Cluster, namespace: str, owners: Container[Identity]) -> list[Document]:
    """Return what Kubernetes made for objects of a release, in their namespace."""
    there = list(everything_in(cluster, namespace))
    applied = [one for one in there if identity(one) in owners]
    return owned_by(applied, [one for one in there if identity(one) not in owners])


def _elections(cluster: Cluster, namespace: str, owners: Iterable[Identity]) -> Iterator[Document]:
    """Yield Leases that pods of a release hold: controllers leave them behind."""
    starts = tuple(f"{who.name}-" for who in owners if who.kind == "Deployment")
    for lease in cluster.list(cluster.kinds.need(lock.GROUP, "Lease"), namespace):
        holder = (lease.get("spec") or {}).get("holderIdentity") or ""
        if starts and holder.startswith(starts):
            yield lease


def _refuse_used(cluster: Cluster, prereq: Prereq, applied: Iterable[Document]) -> None:
    """Raise when objects would go with definitions that Helm removes, or lose their controller."""
    kinds = [
        (one["spec"]["group"], one["spec"]["names"]["kind"])
        for one in applied
        if one.get("kind") == "CustomResourceDefinition"
        and _KEPT not in (one["metadata"].get("annotations") or {})
    ]
    for group, kind in dict.fromkeys([*kinds, *prereq.kinds]):
        if users := list(_objects(cluster, group, kind)):
            raise _used(prereq, kind, users)
    gateways = [
        one
        for one in _objects(cluster, "gateway.networking.k8s.io", "Gateway", whole=True)
        if one["spec"].get("gatewayClassName") in set(prereq.classes) - _of_others(cluster, prereq)
    ]
    if gateways:
        raise _used(prereq, "Gateway", gateways)


def _used(prereq: Prereq, kind: str, users: Sequence[Document]) -> Refused:
    places = [f"{who.namespace}/{who.name}" for who in map(identity, users[:_TOLD])]
    more = f" and {len(users) - _TOLD} more" if len(users) > _TOLD else ""
    return Refused(
        f"{prereq.name} is used by {kind} {', '.join(places)}{more}",
        hint="remove these first: gaiectl list -A shows stacks, gaiectl cleanup removes one",
    )


def _objects(cluster: Cluster, group: str, kind: str, *, whole: bool = False) -> Iterator[Document]:
    resource = cluster.kinds.find(group, kind)
    if resource is not None:
        yield from cluster.list(resource, metadata_only=not whole)


def _of_others(cluster: Cluster, prereq: Prereq) -> set[str]:
    """Return the classes of it that another controller in the cluster serves as well."""
    return {
        name
        for other in ALL.values()
        if other.name != prereq.name and set(other.classes) & set(prereq.classes)
        if releases.controllers_of(cluster, other)
        for name in other.classes
    }


def _classes(cluster: Cluster, prereq: Prereq) -> list[Document]:
    """Return the classes that are of no use without it, and that nobody else made."""
    kept = _of_others(cluster, prereq)
    named = [
        Identity("gateway.networking.k8s.io", "GatewayClass", "", name)
        for name in prereq.classes
        if name not in kept
    ]
    ours = [identity(one) for one in prereq.objects]
    return [
        found
        for who in named
        if (found := cluster.get(who))
        if (was_brought(found) if who in ours else not managers(found).startswith(_PEOPLE))
    ]


def _nothing(prereq: Prereq) -> Removal:
    def carry_out(_patience: Patience, _report: Report) -> tuple[Kept, ...]:
        return ()

    return Removal(prereq, (), carry_out)
