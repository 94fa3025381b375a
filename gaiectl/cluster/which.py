"""Which of the stacks in a cluster is meant: for all verbs, in the same words.

Names come from the names of inventories, so one that somebody has changed hides no others.
"""

from collections.abc import Sequence
from difflib import get_close_matches

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Identity, identity
from gaiectl.errors import GaieError, Refused, UsageError

_MOST_NAMES = 10


def find(cluster: Cluster, name: str, namespace: str = "") -> ApplySet | None:
    """Return a stack: that one, or the only one of the namespace; None when there is none.

    Args:
        cluster: where.
        name: of the stack; empty for the only one.
        namespace: of the stack; empty for the cluster's.

    Raises:
        UsageError: there are several, and none is named.
        Refused: what has its name is no inventory of ours.
    """
    place = namespace or cluster.namespace
    if not name:
        there = names(cluster, place)
        if len(there) > 1:
            listed = ", ".join(there[:_MOST_NAMES])
            raise UsageError(
                f"namespace {place} has {len(there)} stacks", hint=f"name one: {listed}"
            )
        if not there:
            return None
        name = there[0]
    found = applyset.read(cluster, name, place)
    return found if found.exists else None


def one(cluster: Cluster, name: str, namespace: str = "") -> ApplySet:
    """Return a stack as ``find`` does.

    Raises:
        UsageError: there are several, and none is named.
        GaieError: there is no such stack.
    """
    found = find(cluster, name, namespace)
    if found is None:
        raise missing(cluster, name, namespace)
    return found


def some(cluster: Cluster, name: str, *, everywhere: bool) -> list[ApplySet]:
    """Return the stack of this name, or all of the namespace, or all of the cluster.

    Of several, those whose inventory somebody has changed are left out: ``gaiectl list`` tells.

    Raises:
        GaieError: there is no stack of this name.
    """
    if name and not everywhere:
        return [one(cluster, name)]
    found = []
    for parent in applyset.parents(cluster, "" if everywhere else cluster.namespace):
        if not name or applyset.stack_of(identity(parent)) == name:
            try:
                found.append(applyset.of_parent(parent))
            except Refused:
                continue
    return found


def names(cluster: Cluster, namespace: str) -> list[str]:
    """Return the names of a namespace's stacks, in order."""
    return sorted(
        applyset.stack_of(who) for who in map(identity, applyset.parents(cluster, namespace))
    )


def name_of(stack: ApplySet) -> str:
    """Return a stack's name."""
    return applyset.stack_of(stack.parent)


def missing(cluster: Cluster, name: str, namespace: str = "") -> GaieError:
    """Return what to say of a stack that is not there: with what was meant, if that can be seen.

    Args:
        cluster: where it was looked for.
        name: of the stack; empty for any.
        namespace: where it was looked for; empty for the cluster's.
    """
    place = namespace or cluster.namespace
    what = f"there is no stack {name}" if name else "there is no stack"
    there = _everywhere(cluster, place)
    elsewhere = sorted(who.namespace for who in there if applyset.stack_of(who) == name)
    if elsewhere:
        hint = f"it is in another one: -n {elsewhere[0]}"
    elif name and (meant := _meant(name, [who for who in there if who.namespace == place])):
        hint = meant
    elif name and _is_namespace(cluster, name):
        hint = f"a namespace is named with -n: -n {name}"
    elif not _is_namespace(cluster, place):
        return GaieError(f"{what}: there is no namespace {place}", hint="name another one with -n")
    else:
        hint = "name another namespace with -n; gaiectl list -A shows all stacks"
    return GaieError(f"{what} in namespace {place}", hint=hint)


def _meant(name: str, there: Sequence[Identity]) -> str:
    near = sorted(map(applyset.stack_of, there))
    close = get_close_matches(name, near, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return f"name {', '.join(near[:_MOST_NAMES])}" if near else ""


def _everywhere(cluster: Cluster, namespace: str) -> list[Identity]:
    """Return the inventories of all namespaces, or of this one if no others may be seen."""
    for place in ("", namespace):
        try:
            return [identity(one) for one in applyset.parents(cluster, place)]
        except ApiError as error:
            if error.status != 403:
                raise
    return []


def _is_namespace(cluster: Cluster, name: str) -> bool:
    """Tell whether there is such a namespace; who may not see namespaces was given one."""
    try:
        return cluster.get(Identity("", "Namespace", "", name)) is not None
    except ApiError as error:
        if error.status != 403:
            raise
        return name == cluster.namespace
