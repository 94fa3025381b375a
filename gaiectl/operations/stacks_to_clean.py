"""Which stacks a cleanup is about, and what goes of each."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Identity
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
        found = applyset.all_of(cluster, "" if asked.is_everywhere else cluster.namespace)
        names = [(which.name_of(one), one.parent.namespace) for one in found]
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
    """Return what to say of a stack that is not there."""
    namespace = cluster.namespace
    message = f"there is no stack {name} in namespace {namespace}"
    if removal.kept:
        lines = [f"{kept.who} stays: {kept.reason}" for kept in removal.kept]
        return GaieError(message, hint="see above what it has left", detail="\n".join(lines))
    try:
        there = list(applyset.all_of(cluster))
    except ApiError as error:
        if error.status != 403:
            raise
        there = list(applyset.all_of(cluster, namespace))
    elsewhere = sorted(one.parent.namespace for one in there if which.name_of(one) == name)
    if elsewhere:
        return GaieError(message, hint=f"it is in another one: -n {elsewhere[0]}")
    near = [which.name_of(one) for one in there if one.parent.namespace == namespace]
    close = get_close_matches(name, near, n=1, cutoff=0.5)
    if close:
        return GaieError(message, hint=f"did you mean {close[0]}?")
    if cluster.get(Identity("", "Namespace", "", name)):
        return GaieError(message, hint=f"a namespace is named with -n: gaiectl cleanup -n {name}")
    return GaieError(message, hint="gaiectl list -A shows all stacks")
