"""Which stacks a cleanup is about, and what goes of each."""

from collections.abc import Sequence
from typing import NamedTuple

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.documents import identity
from gaiectl.errors import GaieError
from gaiectl.operations import which
from gaiectl.operations.cleanup import Removal, plan, refuse_missing_rights
from gaiectl.operations.shared_cleanup import SharedRemoval, plan_shared


class Asked(NamedTuple):
    """What the user asks for.

    Attributes:
        name: of a stack; empty for the only one there is.
        is_all: all stacks of the namespace.
        is_everywhere: of all namespaces.
        with_crds: definitions that gaiectl brought go too.
        with_namespace: namespaces that gaiectl made go too.
        with_data: PersistentVolumeClaims go too.
    """

    name: str = ""
    is_all: bool = False
    is_everywhere: bool = False
    with_crds: bool = False
    with_namespace: bool = False
    with_data: bool = False


def look(cluster: Cluster, asked: Asked) -> tuple[Sequence[Removal], SharedRemoval]:
    """Return what is to go; nothing is changed.

    Raises:
        UsageError: there are several stacks, and none is named.
        GaieError: there is no such stack, or the user may not remove all of it.
    """
    if asked.is_all:
        found = applyset.parents(cluster, "" if asked.is_everywhere else cluster.namespace)
        names = [(applyset.stack_of(who), who.namespace) for who in map(identity, found)]
    elif asked.name:
        names = [(asked.name, cluster.namespace)]
    else:
        names = [(which.name_of(which.one(cluster, "")), cluster.namespace)]
    planned = [plan(cluster, *name, with_data=asked.with_data) for name in sorted(names)]
    removals = [removal for removal in planned if removal.is_something]
    namespaces = sorted({namespace for _, namespace in names} or {cluster.namespace})
    shared = plan_shared(
        cluster,
        removals,
        crds=asked.with_crds,
        namespaces=namespaces if asked.with_namespace else (),
    )
    if asked.name and not removals and not shared.is_something:
        raise _nothing(cluster, asked.name, planned[0])
    refuse_missing_rights(cluster, removals, (*shared.definitions, *shared.namespaces))
    return removals, shared


def _nothing(cluster: Cluster, name: str, removal: Removal) -> GaieError:
    """Return what to say of a stack that is not there, and yet may have left something."""
    said = which.missing(cluster, name)
    if removal.kept:
        said.hint = "see above what it has left"
        said.detail = "\n".join(f"{kept.who} stays: {kept.reason}" for kept in removal.kept)
    return said
