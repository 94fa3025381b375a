"""Everything in a cluster that a stack has left: looked for in every kind that the server lists.

Nothing is believed here: neither what the inventory says of kinds and namespaces, nor that
Kubernetes removes what belonged to objects that are gone.
"""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import PART_OF, is_ours
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.resources import Resource
from gaiectl.documents import Document, identity

_AT_ONCE = 8
_EVENTS = ("", "events.k8s.io")
_REFUSED = frozenset((401, 403))
_BROKEN = frozenset((404, 405, 500, 503))
"""What a kind answers that went meanwhile, or whose server or conversion webhook is down."""


class Unread(NamedTuple):
    """A kind, or a version of a group with all its kinds, that could not be looked through.

    Attributes:
        title: as kubectl writes it.
        reason: why not.
        kind: group and kind, if the user may not list it.
    """

    title: str
    reason: str
    kind: tuple[str, str] | None = None


class Traces(NamedTuple):
    """What was found; objects have no more than their metadata.

    Attributes:
        members: what gaiectl gave the stack's label.
        dependents: what they, or others that were asked for, own: directly or not.
        lookalikes: what has the stack's label from somebody else, and is no dependent.
        unread: kinds that could not be looked through.
    """

    members: tuple[Document, ...]
    dependents: tuple[Document, ...]
    lookalikes: tuple[Document, ...]
    unread: tuple[Unread, ...]


def sweep(
    cluster: Cluster, applyset_id: str, namespaces: Collection[str], owners: Iterable[Document] = ()
) -> Traces:
    """Look for all that belongs to a stack.

    Args:
        cluster: where.
        applyset_id: the stack's.
        namespaces: where what its objects own is looked for; the label is looked for everywhere.
        owners: further objects, there or gone, whose dependents are looked for.
    """
    selector = f"{PART_OF}={applyset_id}"

    def look(resource: Resource) -> tuple[list[Document], list[Document], Unread | None]:
        labelled, refused = _listed(cluster, resource, "", selector)
        near: list[Document] = []
        for namespace in namespaces if resource.is_namespaced else ():
            found, refused_here = _listed(cluster, resource, namespace)
            near += found
            if refused:  # not everywhere, but perhaps here
                labelled += [one for one in found if _label(one) == applyset_id]
                refused = refused_here
        return labelled, near, refused

    listed = kinds(cluster)
    silent = [Unread(*one) for one in sorted(cluster.kinds.silent.items())]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        looks = list(pool.map(look, listed))
    labelled = [document for found, _, _ in looks for document in found]
    members = [document for document in labelled if is_ours(document)]
    others = {_uid(one): one for _, near, _ in looks for one in near}
    others |= {_uid(one): one for one in labelled}
    for member in members:
        others.pop(_uid(member), None)
    dependents = owned_by([*members, *owners], others.values())
    owned = {_uid(one) for one in dependents}
    return Traces(
        tuple(members),
        tuple(dependents),
        # Controllers copy labels to what they make, those of Services for example.
        tuple(one for one in labelled if not is_ours(one) and _uid(one) not in owned),
        (*silent, *(refused for _, _, refused in looks if refused)),
    )


def owned_by(owners: Iterable[Document], others: Iterable[Document]) -> list[Document]:
    """Return those of the others that the owners own, directly or not, by their metadata."""
    listed = list(owners)
    uids, rest = {_uid(one) for one in listed}, list(others)
    services = _services(listed)
    owned: list[Document] = []
    while True:
        found = [one for one in rest if _is_owned(one, uids, services)]
        if not found:
            return owned
        owned += found
        uids |= {_uid(one) for one in found}
        services |= _services(found)
        rest = [one for one in rest if _uid(one) not in uids]


def _services(documents: Iterable[Document]) -> set[tuple[str, ...]]:
    """Return namespace and name of the Services among them."""
    return {who[2:] for who in map(identity, documents) if who[:2] == ("", "Service")}


def _is_owned(
    document: Document, uids: Collection[str], services: Collection[tuple[str, ...]]
) -> bool:
    who = identity(document)
    if who.kind == "Endpoints" and who[2:] in services:  # has its name, and no owner
        return True
    references = document["metadata"].get("ownerReferences") or ()
    return any(one.get("uid") in uids for one in references)


def everything_in(cluster: Cluster, namespace: str) -> Iterator[Document]:
    """Yield the metadata of every object in a namespace; events are none.

    Raises:
        ApiError: a kind cannot be listed.
    """

    def look(resource: Resource) -> list[Document]:
        return list(cluster.list(resource, namespace, metadata_only=True))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(look, (kind for kind in kinds(cluster) if kind.is_namespaced)):
            yield from found


def kinds(cluster: Cluster) -> list[Resource]:
    """Return every kind whose objects stay; events go by themselves."""
    cluster.kinds.forget()
    return [
        kind for kind in cluster.kinds.all() if not (kind.kind == "Event" and kind.group in _EVENTS)
    ]


def _listed(
    cluster: Cluster, resource: Resource, namespace: str, selector: str = ""
) -> tuple[list[Document], Unread | None]:
    """Return the objects, and why they cannot be listed if they cannot."""
    try:
        return list(cluster.list(resource, namespace, selector=selector, metadata_only=True)), None
    except ApiError as error:
        if error.status in _REFUSED:
            kind = (resource.group, resource.kind)
            return [], Unread(resource.title, "you may not list it", kind)
        if error.status in _BROKEN:
            return [], Unread(resource.title, error.message)
        raise


def _uid(document: Document) -> str:
    return str(document["metadata"]["uid"])


def _label(document: Document) -> str:
    return str((document["metadata"].get("labels") or {}).get(PART_OF, ""))
