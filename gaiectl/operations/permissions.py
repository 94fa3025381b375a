"""What an installation must be allowed to do, asked before it does anything."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.resources import Resource
from gaiectl.errors import GaieError

_OF_MEMBERS = ("get", "list", "create", "patch", "delete")
_OF_SHARED = ("get", "create", "patch")
_OF_INVENTORY = (*_OF_MEMBERS, "update")
_ANYTHING = Resource("*", "", "", "*", is_namespaced=True)
_WATCHED = (
    Resource("", "v1", "Pod", "pods", is_namespaced=True),
    Resource("", "v1", "Event", "events", is_namespaced=True),
    Resource("apps", "v1", "ReplicaSet", "replicasets", is_namespaced=True),
)
_SECRETS = Resource("", "v1", "Secret", "secrets", is_namespaced=True)
_LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases", is_namespaced=True)


class Right(NamedTuple):
    """Something that must be allowed.

    Attributes:
        resource: to do it with.
        namespace: where; empty for the whole cluster.
        verbs: what to do.
    """

    resource: Resource
    namespace: str
    verbs: tuple[str, ...]


def needed(
    resources: Iterable[tuple[Resource, str, bool]], namespace: str, *, is_waiting: bool
) -> list[Right]:
    """Return all that an installation needs.

    Args:
        resources: the kinds of its objects, where these live, and whether the cluster shares them.
        namespace: of the stack.
        is_waiting: it waits for pods.
    """
    found = {
        (resource.group, resource.plural, place): Right(
            resource, place, _OF_SHARED if is_shared else _OF_MEMBERS
        )
        for resource, place, is_shared in resources
    }
    ours: Sequence[tuple[Resource, tuple[str, ...]]] = (
        (_SECRETS, _OF_INVENTORY),
        (_LEASES, ("get", "create", "update", "delete")),
    )
    for resource, verbs in ours:
        found[resource.group, resource.plural, namespace] = Right(resource, namespace, verbs)
    if is_waiting:
        for resource in _WATCHED:
            key = (resource.group, resource.plural, namespace)
            found.setdefault(key, Right(resource, namespace, ("list",)))
    return list(found.values())


def require(cluster: Cluster, rights: Sequence[Right]) -> None:
    """Raise unless all of it is allowed.

    Raises:
        GaieError: names everything that is not, and the rules that would allow it.
    """
    if cluster.may("*", _ANYTHING):
        return
    missing = [found for right in rights if (found := _denied(cluster, right)).verbs]
    if not missing:
        return
    lines = [
        f"{', '.join(right.verbs)} {right.resource.title}"
        + (f" in namespace {right.namespace}" if right.namespace else " in the cluster")
        for right in missing
    ]
    who = cluster.connection.access.user
    count = sum(len(right.verbs) for right in missing)
    raise GaieError(
        f"{f'user {who}' if who else 'you'} may not do {count} thing{'s'[: count != 1]} that "
        "an installation does; nothing was changed",
        hint=f"ask for a ClusterRole or Roles with the rules:\n{_rules(missing)}",
        detail="\n".join(lines),
    )


def _denied(cluster: Cluster, right: Right) -> Right:
    """Return it with the verbs that are not allowed; whoever may do all is asked once."""
    resource, namespace, verbs = right
    if cluster.may("*", resource, namespace):
        return right._replace(verbs=())
    return right._replace(
        verbs=tuple(verb for verb in verbs if not cluster.may(verb, resource, namespace))
    )


def _rules(missing: Iterable[Right]) -> str:
    rules: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for right in missing:
        plurals = rules.setdefault((right.resource.group, right.verbs), [])
        if right.resource.plural not in plurals:
            plurals.append(right.resource.plural)
    return "\n".join(
        f'- {{apiGroups: ["{group}"], resources: [{", ".join(plurals)}], '
        f"verbs: [{', '.join(verbs)}]}}"
        for (group, verbs), plurals in rules.items()
    )
