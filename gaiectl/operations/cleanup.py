"""A stack goes: exactly what its inventory holds, in the reverse of the order in which it came.

First everything is looked at, and whether we may delete it; then it goes phase by phase, each of
which is gone, with all that Kubernetes made for it, before the next one goes; then every kind is
looked through for what may be left. The inventory goes last: whenever we are killed, or fail, the
same command goes on where it ended.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet, stack_of
from gaiectl.cluster.failures import ApiError, Unreachable
from gaiectl.cluster.outages import outlasting
from gaiectl.cluster.sweep import Traces, Unread, owned_by, sweep
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError, Refused
from gaiectl.operations import lock
from gaiectl.operations.gone import Patience
from gaiectl.operations.phases import Phase, by_phase
from gaiectl.operations.releasing import refuse_release

_DATA = ("", "PersistentVolumeClaim")


class Report(Protocol):
    """Who is told how it goes."""

    def began(self, phase: Phase, count: int) -> None:
        """A phase with so many objects begins to go."""
        ...

    def deleted(self, who: Identity) -> None:
        """An object was deleted."""
        ...

    def waits(self, text: str) -> None:
        """Something takes long; a sentence."""
        ...


class Kept(NamedTuple):
    """An object that stays.

    Attributes:
        who: the object.
        reason: why.
    """

    who: Identity
    reason: str


class Removal(NamedTuple):
    """What is to go.

    Attributes:
        name: of the stack.
        namespace: of the stack.
        inventory: as it is; it does not ``exists`` where it was lost, or never made.
        members: what goes, with uids, in the order in which it goes.
        dependents: what goes with them, because they own it.
        elections: Leases by which Endpoint Pickers elected their leader; they go after the pods.
        kept: what stays, and why.
        has_place: the namespace is there and not about to go.
    """

    name: str
    namespace: str
    inventory: ApplySet
    members: tuple[Document, ...]
    dependents: tuple[Document, ...]
    elections: tuple[Document, ...]
    kept: tuple[Kept, ...]
    has_place: bool

    @property
    def is_something(self) -> bool:
        """Whether there is anything to do."""
        return self.inventory.exists or bool(self.members or self.dependents)

    @property
    def uids(self) -> frozenset[str]:
        """The uids of all that goes."""
        going = (*self.members, *self.dependents, *self.elections)
        return frozenset(one["metadata"]["uid"] for one in going)


class Proof(NamedTuple):
    """That nothing is left.

    Attributes:
        unread: kinds that could not be looked through.
    """

    unread: tuple[Unread, ...]


def plan(cluster: Cluster, name: str, namespace: str, *, with_data: bool = False) -> Removal:
    """Return what a cleanup of a stack would remove; nothing is changed.

    It finds members by their label in every kind, so also those of an inventory that was lost.

    Args:
        cluster: where.
        name: of the stack.
        namespace: of the stack.
        with_data: PersistentVolumeClaims go too.

    Raises:
        NotAllowed: the user may not see or delete some of it.
        Refused: a part of it is a Helm release.
    """
    known = applyset.read(cluster, name, namespace)
    refuse_release(cluster, known)
    has_place = _is_there(cluster, namespace)
    places = {namespace, *known.namespaces}
    found = sweep(cluster, known.id, places)
    _refuse_blindness(found, known)
    further = {one["metadata"].get("namespace", "") for one in found.members} - places - {""}
    if further:  # somebody has changed what the inventory says
        found = sweep(cluster, known.id, places | further)
    kept = [
        Kept(identity(one), "somebody else made it, and copied the label of the stack")
        for one in found.lookalikes
    ]
    dependents = {one["metadata"]["uid"] for one in found.dependents}
    stay = _claims_that_stay(cluster, found.members, dependents, with_data=with_data)
    members = [one for one in found.members if identity(one) not in stay]
    phases = reversed(by_phase(members))
    return Removal(
        name,
        namespace,
        known,
        members=tuple(one for _, documents in phases for one in reversed(documents)),
        dependents=found.dependents,
        elections=tuple(_elections(cluster, known, found)),
        kept=(*kept, *(Kept(who, reason) for who, reason in stay.items())),
        has_place=has_place,
    )


def cleanup(
    cluster: Cluster,
    removal: Removal,
    patience: Patience,
    report: Report,
    *,
    with_data: bool = False,
    may_grow: bool = False,
) -> Proof:
    """Remove a stack, and prove that nothing is left of it.

    Args:
        cluster: where.
        removal: what the user has seen of it.
        patience: how long to wait, also for somebody else who works on it.
        report: is told how it goes.
        with_data: PersistentVolumeClaims go too.
        may_grow: more may go than the user has seen, if there is more of the stack by now.

    Raises:
        Refused: there is more of it by now than the user has seen, or others use it.
        TimedOut: something is still there.
        GaieError: the cluster refuses, or is gone; the next cleanup goes on from there.
    """
    name, namespace = removal.name, removal.namespace
    with contextlib.ExitStack() as ends:
        ends.enter_context(outlasting(cluster, lambda: patience.left, report.waits))
        ends.enter_context(_resumable(name, namespace))
        if removal.has_place:
            alone = lock.alone(
                *(cluster, name, namespace),
                doing="cleanup",
                seconds=patience.seconds,
                waiting=report.waits,
            )
            cluster = ends.enter_context(alone)
            now = plan(cluster, name, namespace, with_data=with_data)
            if not may_grow and not {_uid(one) for one in now.members} <= removal.uids:
                raise Refused(
                    f"stack {name} has changed since you were asked",
                    hint="run gaiectl cleanup again, and look at what goes now",
                )
            removal = now
        return _remove(cluster, removal, patience, report)


def _remove(cluster: Cluster, removal: Removal, patience: Patience, report: Report) -> Proof:
    known = removal.inventory
    if removal.has_place and removal.members:
        known = applyset.rewrite(cluster, known.widened(removal.members))
    kept = {one.who for one in removal.kept}
    seen = [*removal.members, *removal.dependents]
    delete_all(cluster, removal.members, removal.dependents, patience, report)
    _delete(cluster, removal.elections, report)
    places = {removal.namespace, *known.namespaces}
    while True:
        found = sweep(cluster, known.id, places, seen)
        ours = [one for one in found.members if identity(one) not in kept]
        if not ours and not found.dependents:
            break
        seen += [*ours, *found.dependents]
        delete_all(cluster, ours, found.dependents, patience, report)
        patience.until_gone(cluster, found.dependents)
    # Once: whoever makes one again by now is no pod of the stack, and would do so for ever.
    elections = _elections(cluster, known, found)
    _delete(cluster, elections, report)
    patience.until_gone(cluster, elections)
    if known.exists and cluster.delete(known.parent, uid=known.uid):
        patience.until_gone(cluster, [_document(known)])
        report.deleted(known.parent)
    return Proof(found.unread)


def delete_all(
    cluster: Cluster,
    members: Sequence[Document],
    dependents: Sequence[Document],
    patience: Patience,
    report: Report,
) -> None:
    """Delete objects by phases, each gone with what it owns before the next one goes.

    Args:
        cluster: where.
        members: in the order in which they go.
        dependents: what they own.
        patience: how long to wait.
        report: is told how it goes.
    """
    for phase, documents in reversed(by_phase(reversed(members))):
        report.began(phase, len(documents))
        _delete(cluster, reversed(documents), report)
        patience.until_gone(cluster, documents, forcible=True)
        patience.until_gone(cluster, owned_by(documents, dependents))


def _delete(cluster: Cluster, documents: Iterable[Document], report: Report) -> None:
    for document in documents:
        if cluster.delete(identity(document), uid=_uid(document)):
            report.deleted(identity(document))


def refuse_missing_rights(
    cluster: Cluster, removals: Iterable[Removal], further: Iterable[Document] = ()
) -> None:
    """Raise if the user may not remove all of it.

    Raises:
        GaieError: with every rule that is missing.
    """
    wanted: dict[tuple[str, str, str], Sequence[str]] = {}
    for removal in removals:
        for who in map(identity, removal.members):
            wanted[who.group, who.kind, who.namespace] = ("delete",)
        if removal.has_place:
            for group, kind in ((lock.GROUP, "Lease"), ("", "Secret")):
                wanted[group, kind, removal.namespace] = ("get", "create", "update", "delete")
    for who in map(identity, further):
        wanted[who.group, who.kind, ""] = ("delete",)
    lacking = []
    for (group, kind, namespace), verbs in sorted(wanted.items()):
        resource = cluster.kinds.find(group, kind)
        if resource is None:
            continue
        refused = [verb for verb in verbs if not cluster.may(verb, resource, namespace)]
        if refused:
            names = f'apiGroups: ["{group}"], resources: [{resource.plural}]'
            place = f" in namespace {namespace}" if namespace else ""
            lacking.append(f"missing: {{{names}, verbs: [{', '.join(refused)}]}}{place}")
    if lacking:
        raise GaieError(
            "you may not delete all of that; nothing was deleted",
            hint="ask for a role with these rules, or let somebody do it who has one",
            detail="\n".join(lacking),
        )


def _is_there(cluster: Cluster, namespace: str) -> bool:
    """Tell whether a namespace is there, and not about to go."""
    try:
        found = cluster.get(Identity("", "Namespace", "", namespace))
    except ApiError as error:
        if error.status != 403:
            raise
        return True  # who may not see namespaces was given one
    return found is not None and not found["metadata"].get("deletionTimestamp")


def _refuse_blindness(found: Traces, known: ApplySet) -> None:
    """Raise if kinds that hold members cannot be listed."""
    hidden = [one.title for one in found.unread if one.kind in known.kinds]
    if hidden:
        raise GaieError(
            f"you may not list {', '.join(sorted(hidden))}, of which the stack has some; nothing "
            "was deleted",
            hint="ask for a role with the verbs list and delete for them",
        )


def _elections(cluster: Cluster, known: ApplySet, found: Traces) -> list[Document]:
    """Return the Leases by which the stack's Endpoint Pickers elected a leader.

    Pickers make them (``epp-<namespace>-<pool>.<suffix>``, as GAIE's and llm-d's do) and leave
    them behind. One that a pod of somebody else holds is theirs.
    """
    if not known.exists and not found.members:
        return []
    namespace = known.parent.namespace
    pools = [one["metadata"]["name"] for one in found.members if one["kind"] == "InferencePool"]
    starts = tuple(f"epp-{namespace}-{one}." for one in (*pools, stack_of(known.parent)))
    ours = {who.name for who in map(identity, found.dependents) if who.kind == "Pod"}
    elections = []
    try:
        leases = list(cluster.list(cluster.kinds.need(lock.GROUP, "Lease"), namespace))
    except ApiError as error:
        if error.status != 403:
            raise
        return []  # told among the kinds that could not be looked through
    for lease in leases:
        if not lease["metadata"]["name"].startswith(starts):
            continue
        holder = str((lease.get("spec") or {}).get("holderIdentity") or "").partition("_")[0]
        if not holder or holder in ours or not cluster.get(Identity("", "Pod", namespace, holder)):
            elections.append(lease)
    return elections


def _claims_that_stay(
    cluster: Cluster, ours: Iterable[Document], dependents: set[str], *, with_data: bool
) -> dict[Identity, str]:
    """Return claims that are not to go, each with the reason."""
    claims = [identity(one) for one in ours if identity(one)[:2] == _DATA]
    if not with_data:
        return dict.fromkeys(claims, "data: --delete-data removes it")
    stay = {}
    for namespace in {who.namespace for who in claims}:
        for pod in cluster.list(cluster.kinds.need("", "Pod"), namespace):
            if _uid(pod) in dependents:
                continue
            for volume in (pod.get("spec") or {}).get("volumes") or ():
                claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
                who = Identity(*_DATA, namespace, str(claim))
                if who in claims:
                    stay[who] = f"pod {pod['metadata']['name']} of somebody else uses it"
    return stay


@contextlib.contextmanager
def _resumable(name: str, namespace: str) -> Iterator[None]:
    """Say how to go on after an API server went away, or knows us no more."""
    try:
        yield
    except (Unreachable, ApiError) as error:
        if isinstance(error, Unreachable) or error.status == 401:
            error.message += "; what was deleted so far is gone"
            error.hint += f"; gaiectl cleanup {name} -n {namespace} goes on where this ended"
        raise


def _uid(document: Document) -> str:
    return str(document["metadata"]["uid"])


def _document(known: ApplySet) -> Document:
    document = known.document()
    document["metadata"]["uid"] = known.uid
    return document
