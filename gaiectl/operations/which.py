"""Which of the stacks in a cluster is meant, and what can be seen of it."""

from collections.abc import Sequence
from typing import NamedTuple

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import RELEASE, ApplySet
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError, UsageError
from gaiectl.operations.history import is_revision, revisions

_MOST_NAMES = 10


def one(cluster: Cluster, name: str) -> ApplySet:
    """Return a stack of the cluster's namespace: that one, or the only one there is.

    Raises:
        UsageError: there are several, and none is named.
        GaieError: there is no such stack.
    """
    namespace = cluster.namespace
    if name:
        found = applyset.read(cluster, name, namespace)
        if found.exists:
            return found
    there = list(applyset.all_of(cluster, namespace))
    if not name and len(there) == 1:
        return there[0]
    if not there:
        raise _nothing(cluster, name)
    names = ", ".join(sorted(map(name_of, there))[:_MOST_NAMES])
    if name:
        raise GaieError(f"there is no stack {name} in namespace {namespace}", hint=f"name {names}")
    raise UsageError(f"namespace {namespace} has {len(there)} stacks", hint=f"name one: {names}")


def some(cluster: Cluster, name: str, *, everywhere: bool) -> list[ApplySet]:
    """Return the stack of this name, or all of the namespace, or all of the cluster.

    Raises:
        GaieError: there is no stack of this name.
    """
    if name and not everywhere:
        return [one(cluster, name)]
    found = applyset.all_of(cluster, "" if everywhere else cluster.namespace)
    return [stack for stack in found if not name or name_of(stack) == name]


def name_of(stack: ApplySet) -> str:
    """Return a stack's name."""
    return applyset.stack_of(stack.parent)


class Seen(NamedTuple):
    """What the user may see of a stack.

    Attributes:
        members: its objects, as they are in the cluster.
        unseen: what the API server says of kinds that the user may not list.
    """

    members: Sequence[Document]
    unseen: Sequence[str]


def seen(cluster: Cluster, stack: ApplySet) -> Seen:
    """Return the objects of a stack, of the kinds that the user may list.

    Those that a Helm release holds have no label of ours: the latest revision names them.
    """
    members: list[Document] = []
    unseen: list[str] = []
    for kind in sorted(stack.kinds):
        try:
            members += applyset.members(cluster, stack._replace(kinds=frozenset([kind])))
        except ApiError as error:
            if error.status != 403:
                raise
            unseen.append(error.message)
    members = [one for one in members if not is_revision(one)]
    if RELEASE in stack.annotations and (there := revisions(cluster, stack)):
        known = {identity(one) for one in members}
        wanted = [identity(document) for document in there[-1].masked()]
        found = [cluster.get(who) for who in wanted if who not in known]
        members += [one for one in found if one is not None]
    return Seen(members, unseen)


def _nothing(cluster: Cluster, name: str) -> GaieError:
    namespace = cluster.namespace
    what = f"there is no stack {name}" if name else "there is no stack"
    if cluster.get(Identity("", "Namespace", "", namespace)) is None:
        return GaieError(
            f"{what}: there is no namespace {namespace}", hint="name another one with -n"
        )
    return GaieError(
        f"{what} in namespace {namespace}",
        hint="name another namespace with -n; gaiectl status -A shows all stacks",
    )
