"""A plan becomes objects in a cluster: everything is checked, then applied phase by phase.

Whatever happens in between, the inventory names at least what is there: it is widened before the
first object is created, and narrowed after the last one that is no longer wanted is gone. So an
installation that was killed is finished by another one, or removed by cleanup.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet, refuse_foreign
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError, Refused
from gaiectl.operations.phases import Phase, by_phase

PATH = "gaiectl.dev/path"
"""Annotation of the inventory: which path the stack was made by."""


class Report(Protocol):
    """Who is told how it goes."""

    def began(self, phase: Phase, count: int) -> None:
        """A phase with so many objects begins."""
        ...

    def applied(self, who: Identity, verb: str) -> None:
        """An object was ``created``, ``configured``, ``unchanged`` or ``pruned``."""
        ...


class Wanted(NamedTuple):
    """What is to be installed.

    Attributes:
        name: of the stack.
        namespace: where its namespaced objects live.
        path: which way of deploying made it.
        documents: every object once, each with its namespace.
    """

    name: str
    namespace: str
    path: str
    documents: Sequence[Document]


class Outcome(NamedTuple):
    """What an installation did.

    Attributes:
        verbs: for each object what became of it, in order.
    """

    verbs: tuple[tuple[Identity, str], ...]

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing was to do."""
        return all(verb == "unchanged" for _, verb in self.verbs)


def install(cluster: Cluster, wanted: Wanted, report: Report) -> Outcome:
    """Make the cluster hold exactly these objects of the stack.

    Raises:
        GaieError: something stands in the way; before the first write if it can be known.
    """
    known = applyset.read(cluster, wanted.name, wanted.namespace)
    _look_ahead(cluster, wanted, known)
    verbs: list[tuple[Identity, str]] = []

    def apply(phase: Phase, documents: Sequence[Document]) -> None:
        report.began(phase, len(documents))
        for document in documents:
            done = cluster.apply(document, force=True)
            who = identity(document)
            uids.add(done.document["metadata"]["uid"])
            verbs.append((who, done.verb))
            report.applied(who, done.verb)

    uids: set[str] = set()
    shared, own = _parts(wanted.documents)
    for phase, documents in by_phase(shared):
        apply(phase, documents)
    ours = [known.member(document) for document in own]
    wide = known.widened(ours)._replace(annotations={**known.annotations, PATH: wanted.path})
    held = _write(cluster, wide)
    ours = [held.member(document) for document in own]
    for phase, documents in by_phase(ours):
        apply(phase, documents)
    for document in _no_longer_wanted(cluster, held, uids):
        who = identity(document)
        if cluster.delete(who, uid=document["metadata"]["uid"]):
            verbs.append((who, "pruned"))
            report.applied(who, "pruned")
    narrow = held.narrowed(ours)
    if narrow.document() != held.document():
        _write(cluster, narrow)
    return Outcome(tuple(verbs))


def _parts(documents: Iterable[Document]) -> tuple[list[Document], list[Document]]:
    """Return what the whole cluster shares and keeps, and what belongs to the stack."""
    shared = ("Namespace", "CustomResourceDefinition")
    listed = list(documents)
    return (
        [document for document in listed if document["kind"] in shared],
        [document for document in listed if document["kind"] not in shared],
    )


def _look_ahead(cluster: Cluster, wanted: Wanted, known: ApplySet) -> None:
    """Find what stands in the way before anything is written."""
    brought = {
        (d["spec"]["group"], d["spec"]["names"]["kind"])
        for d in wanted.documents
        if d["kind"] == "CustomResourceDefinition"
    }
    makes_namespace = any(d["kind"] == "Namespace" for d in wanted.documents)
    place = cluster.get(Identity("", "Namespace", "", wanted.namespace))
    if place is None and not makes_namespace:
        raise GaieError(
            f"there is no namespace {wanted.namespace}",
            hint="--create-namespace brings it, or name another one with -n",
        )
    if place is not None and place["metadata"].get("deletionTimestamp"):
        raise Refused(
            f"namespace {wanted.namespace} is being deleted",
            hint=f"wait until it is gone: kubectl wait --for=delete namespace/{wanted.namespace}",
        )
    for document in wanted.documents:
        who = identity(document)
        if (who.group, who.kind) not in brought:
            cluster.kinds.of(document)
        found = cluster.get(who)
        if found is not None:
            refuse_foreign(found, known)


def _no_longer_wanted(cluster: Cluster, held: ApplySet, uids: set[str]) -> list[Document]:
    """Return the members that this installation did not apply, in the order in which they go."""
    gone = [d for d in applyset.members(cluster, held) if d["metadata"]["uid"] not in uids]
    phases = by_phase(gone)
    return [document for _, documents in reversed(phases) for document in reversed(documents)]


def _write(cluster: Cluster, wide: ApplySet) -> ApplySet:
    try:
        return applyset.write(cluster, wide)
    except ApiError as error:
        if not applyset.is_taken(error):
            raise
        raise Refused(
            f"somebody else installs or removes {wide.parent.name} at this moment",
            hint="wait until they are done, and try again",
        ) from None
