"""The stacks of a cluster, as their inventories tell."""

from typing import NamedTuple

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document, identity
from gaiectl.errors import Refused
from gaiectl.operations import lock

_PATH = "gaiectl.dev/path"


class Listed(NamedTuple):
    """A stack.

    Attributes:
        name: of the stack.
        namespace: of the stack.
        path: which way of deploying made it; empty if nobody says.
        state: ``complete``, ``half-made``, what is being done by whom, or ``changed by others``.
        objects: how many belong to it; None where they may not be counted.
        version: of the gaiectl that wrote it last; empty if nobody says.
        created: RFC 3339.
    """

    name: str
    namespace: str
    path: str
    state: str
    objects: int | None
    version: str
    created: str


def stacks(cluster: Cluster, namespace: str = "") -> list[Listed]:
    """Return the stacks of a namespace, or of all, by namespace and name."""
    found = [_listed(cluster, parent) for parent in applyset.parents(cluster, namespace)]
    return sorted(found, key=lambda one: (one.namespace, one.name))


def _listed(cluster: Cluster, parent: Document) -> Listed:
    who, metadata = identity(parent), parent["metadata"]
    name, created = applyset.stack_of(who), str(metadata.get("creationTimestamp") or "")
    try:
        known = applyset.of_parent(parent)
    except Refused:
        return Listed(name, who.namespace, "", "changed by others", None, "", created)
    return Listed(
        name,
        who.namespace,
        known.annotations.get(_PATH, ""),
        _state(cluster, name, who.namespace, is_complete=known.is_complete),
        _count(cluster, known),
        known.tooling.partition("/")[2].removeprefix("v"),
        created,
    )


def _state(cluster: Cluster, name: str, namespace: str, *, is_complete: bool) -> str:
    try:
        at_work = lock.who_holds(cluster, name, namespace)
    except ApiError as error:
        if error.status != 403:
            raise
        at_work = ""
    return at_work or ("complete" if is_complete else "half-made")


def _count(cluster: Cluster, known: applyset.ApplySet) -> int | None:
    try:
        return sum(1 for _ in applyset.members(cluster, known))
    except ApiError as error:
        if error.status != 403:
            raise
        return None
