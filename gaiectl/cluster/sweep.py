"""Everything in a cluster that a stack has left: looked for in every kind that the server lists.

Nothing is believed here: neither what the inventory says of kinds and namespaces, nor that
Kubernetes removes what belonged to objects that are gone.
"""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import PART_OF
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.resources import Resource
from gaiectl.documents import Document, identity

_AT_ONCE = 8
_EVENTS = ("", "events.k8s.io")
_REFUSED = frozenset((401, 403))
_BROKEN = frozenset((404, 405, 500, 503))
"""What a kind answers that went meanwhile, or whose server or conversion webhook is down."""


class Unread(NamedTuple):
    """A kind that could not be looked through.

    Attributes:
        resource: the kind.
        reason: why not.
        is_forbidden: the user may not list it.
    """

    resource: Resource
    reason: str
    is_forbidden: bool


class Traces(NamedTuple):
    """What was found; objects have no more than their metadata.

    Attributes:
        labelled: objects with the stack's label.
        dependents: what they, or others that were asked for, own: directly or not.
        unread: kinds that could not be looked through.
    """

    labelled: tuple[Document, ...]
    dependents: tuple[Document, ...]
    unread: tuple[Unread, ...]


def sweep(
    cluster: Cluster, applyset_id: str, namespaces: Collection[str], owners: Iterable[str] = ()
) -> Traces:
    """Look for all that belongs to a stack.

    Args:
        cluster: where.
        applyset_id: the stack's.
        namespaces: where what its objects own is looked for; the label is looked for everywhere.
        owners: uids of objects, there or gone, whose dependents are looked for too.
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

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        looks = list(pool.map(look, kinds(cluster)))
    labelled = [document for found, _, _ in looks for document in found]
    near = [document for _, found, _ in looks for document in found]
    roots = {document["metadata"]["uid"] for document in labelled}
    return Traces(
        tuple(labelled),
        tuple(_owned(near, roots | set(owners), {_place(one) for one in labelled}, roots)),
        tuple(refused for _, _, refused in looks if refused),
    )


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
            return [], Unread(resource, "you may not list it", is_forbidden=True)
        if error.status in _BROKEN:
            return [], Unread(resource, error.message, is_forbidden=False)
        raise


def _owned(
    near: Iterable[Document],
    owners: set[str],
    places: Collection[tuple[str, str, str]],
    known: Collection[str],
) -> Iterator[Document]:
    """Yield what the owners own, and what owns that, without those that are known already."""
    rest, grows = list(near), True
    while grows:
        grows = False
        for document in list(rest):
            metadata = document["metadata"]
            is_owned = any(
                one.get("uid") in owners for one in metadata.get("ownerReferences") or ()
            )
            if not is_owned and not _is_of_service(document, places):
                continue
            rest.remove(document)
            owners.add(metadata["uid"])
            grows = True
            if metadata["uid"] not in known:
                yield document


def _is_of_service(document: Document, places: Collection[tuple[str, str, str]]) -> bool:
    """Tell whether it is the Endpoints of a Service, which have its name and no owner."""
    if document["kind"] != "Endpoints":
        return False
    who = identity(document)
    return ("Service", who.namespace, who.name) in places


def _place(document: Document) -> tuple[str, str, str]:
    who = identity(document)
    return who.kind, who.namespace, who.name


def _label(document: Document) -> str:
    return str((document["metadata"].get("labels") or {}).get(PART_OF, ""))
