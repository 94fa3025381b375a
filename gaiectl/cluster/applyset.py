"""What belongs to a stack, kept in the cluster itself: an ApplySet (KEP-3659).

The parent is a Secret; every member carries its id in a label. The parent says which kinds and
namespaces may hold members, so that they are found without looking everywhere. It is widened before
anything is applied and narrowed after what is gone is gone: whenever we are killed in between, it
names a superset of what there is.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import CLUSTER_SCOPED, Document, Identity, identity
from gaiectl.errors import GaieError, Refused

PREFIX = "applyset.kubernetes.io"
PART_OF = f"{PREFIX}/part-of"
ID = f"{PREFIX}/id"
TOOLING = f"{PREFIX}/tooling"
KINDS = f"{PREFIX}/contains-group-kinds"
NAMESPACES = f"{PREFIX}/additional-namespaces"
STATE = "gaiectl.dev/state"
BROUGHT_BY = "gaiectl.dev/brought-by"
MANAGED_BY = "app.kubernetes.io/managed-by"
TOOL = "gaiectl"
RELEASE = "gaiectl.dev/helm-release"
"""Annotation of the inventory: name of the Helm release that holds the stack's chart."""
SECRET_TYPE = "gaiectl.dev/stack"  # noqa: S105 - the type of a Secret, no secret


class ApplySet(NamedTuple):
    """A stack's inventory.

    Attributes:
        parent: the Secret that stands for the stack; named after it, in its namespace.
        kinds: group and kind of all members.
        namespaces: further namespaces that hold members.
        annotations: what else we keep with it, for example which path it was made by.
        data: larger things that we keep with it, base64 as in Secrets.
        version: the parent's resourceVersion; empty when it does not exist yet.
        uid: the parent's; empty when it does not exist yet.
        is_complete: what was begun, was done: it names exactly what there is, not a superset.
        tooling: who wrote it last: ``gaiectl/v1.2.3``.
        created: when the parent was made, RFC 3339.
    """

    parent: Identity
    kinds: frozenset[tuple[str, str]] = frozenset()
    namespaces: frozenset[str] = frozenset()
    annotations: Mapping[str, str] = {}
    data: Mapping[str, str] = {}
    version: str = ""
    uid: str = ""
    is_complete: bool = False
    tooling: str = ""
    created: str = ""

    @property
    def id(self) -> str:
        """The value of the members' label (KEP-3659: applyset-<hash of the parent>-v1)."""
        who = self.parent
        text = f"{who.name}.{who.namespace}.{who.kind}.{who.group}"
        digest = hashlib.sha256(text.encode()).digest()
        return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"

    @property
    def exists(self) -> bool:
        """Whether the parent was found in the cluster."""
        return bool(self.version)

    def widened(self, documents: Iterable[Document]) -> "ApplySet":
        """Return it with room for these members too, as long as something goes on."""
        found = [identity(document) for document in documents]
        kinds = self.kinds | {(who.group, who.kind) for who in found}
        named = {who.namespace for who in found} - {"", self.parent.namespace}
        wide = self.namespaces | named
        return self._replace(kinds=kinds, namespaces=wide, is_complete=False)

    def narrowed(self, documents: Iterable[Document]) -> "ApplySet":
        """Return it with room for these members only, now that all is done."""
        nothing = self._replace(kinds=frozenset(), namespaces=frozenset())
        return nothing.widened(documents)._replace(is_complete=True)

    def member(self, document: Document) -> Document:
        """Return the document labelled as a member; its pods' templates get no label.

        Raises:
            GaieError: it says already that it is a member of something.
        """
        metadata = document.get("metadata", {})
        labels = metadata.get("labels") or {}
        if PART_OF in labels:
            raise GaieError(
                f"{identity(document)} has the label {PART_OF} already",
                hint="remove it: it says to which stack an object belongs, and is set by gaiectl",
            )
        ours = {**labels, PART_OF: self.id}
        return {**document, "metadata": {**metadata, "labels": ours}}

    def document(self) -> Document:
        """Return the parent."""
        annotations = {
            **self.annotations,
            TOOLING: _tooling(),
            STATE: "complete" if self.is_complete else "changing",
            KINDS: ",".join(sorted(f"{k}.{g}" if g else k for g, k in self.kinds)),
        }
        if self.namespaces:
            annotations[NAMESPACES] = ",".join(sorted(self.namespaces))
        metadata = {
            "name": self.parent.name,
            "namespace": self.parent.namespace,
            "labels": {ID: self.id, MANAGED_BY: TOOL},
            "annotations": annotations,
        }
        if self.version:
            metadata["resourceVersion"] = self.version
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": SECRET_TYPE,
            "data": dict(self.data),
        }


def parent_of(name: str, namespace: str) -> Identity:
    """Return the Secret that stands for a stack."""
    return Identity("", "Secret", namespace, f"gaiectl-{name}")


def stack_of(parent: Identity) -> str:
    """Return the name of the stack that a parent stands for."""
    return parent.name.removeprefix("gaiectl-")


def read(cluster: Cluster, name: str, namespace: str) -> ApplySet:
    """Return a stack's inventory; an empty one that does not ``exists`` when there is none.

    Raises:
        Refused: what has this name is no inventory of ours.
    """
    parent = parent_of(name, namespace)
    found = cluster.get(parent)
    return ApplySet(parent) if found is None else of_parent(found)


def parents(cluster: Cluster, namespace: str = "") -> Iterator[Document]:
    """Yield the Secrets that say that they are inventories, of a namespace or of all."""
    secrets = cluster.kinds.need("", "Secret")
    for found in cluster.list(secrets, namespace, selector=f"{ID},{MANAGED_BY}={TOOL}"):
        if found.get("type") == SECRET_TYPE:
            yield found


def kinds_of(parent: Document) -> frozenset[tuple[str, str]]:
    """Return group and kind of all members, as an inventory says that may have been changed."""
    told = str((parent["metadata"].get("annotations") or {}).get(KINDS, ""))
    return frozenset(_group_kind(text) for text in told.split(",") if text)


def write(cluster: Cluster, applyset: ApplySet) -> ApplySet:
    """Keep an inventory; return it as it is in the cluster now.

    Raises:
        ApiError: of reason ``Conflict`` or ``AlreadyExists`` when somebody else has written it.
    """
    document = applyset.document()
    if not applyset.exists:
        return of_parent(cluster.create(document))
    place = f"/api/v1/namespaces/{applyset.parent.namespace}/secrets/{applyset.parent.name}"
    return of_parent(cluster.ask("PUT", place, {"fieldManager": TOOL}, document))


def members(cluster: Cluster, applyset: ApplySet) -> Iterator[Document]:
    """Yield every object in the cluster that belongs to the stack; not the parent.

    Only what gaiectl gave the label: a copy of a member that somebody else made has it too.
    """
    selector = f"{PART_OF}={applyset.id}"
    for group, kind in sorted(applyset.kinds):
        resource = cluster.kinds.find(group, kind)
        if resource is None:
            continue  # its CRD is gone, and all its objects with it
        if resource.is_namespaced:
            places = sorted({applyset.parent.namespace, *applyset.namespaces})
        else:
            places = [""]
        for place in places:
            yield from filter(is_ours, cluster.list(resource, place, selector=selector))


def is_ours(member: Document) -> bool:
    """Tell whether gaiectl gave an object the label that says so (its ``managedFields``)."""
    entries = member["metadata"].get("managedFields") or ()
    labelled = [
        entry.get("manager")
        for entry in entries
        if f"f:{PART_OF}"
        in (((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:labels") or {})
    ]
    return not labelled or TOOL in labelled


def brought(document: Document, found: Document | None) -> Document:
    """Return a Namespace or CRD with a label, if it is not there yet or we brought it before.

    Such objects are no members, for others use them too. Cleanup removes none without the label.

    Args:
        document: as rendered.
        found: as it is in the cluster.
    """
    if found is not None and not was_brought(found):
        return document
    metadata = document["metadata"]
    labels = {**(metadata.get("labels") or {}), BROUGHT_BY: TOOL}
    return {**document, "metadata": {**metadata, "labels": labels}}


def was_brought(found: Document) -> bool:
    """Tell whether gaiectl brought a Namespace or CRD."""
    return (found["metadata"].get("labels") or {}).get(BROUGHT_BY) == TOOL


def refuse_foreign(found: Document, applyset: ApplySet) -> None:
    """Raise unless an object that is in the cluster may become ours.

    Raises:
        Refused: it belongs to another ApplySet, or to a Helm release.
    """
    metadata = found.get("metadata", {})
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    who = identity(found)
    owner = labels.get(PART_OF)
    if owner and owner != applyset.id:
        raise Refused(
            f"{who} belongs to another stack ({owner})",
            hint="give this stack another name, or clean the other one up: gaiectl list -A",
        )
    release = annotations.get("meta.helm.sh/release-name")
    if release and labels.get(MANAGED_BY) == "Helm":
        place = annotations.get("meta.helm.sh/release-namespace", who.namespace)
        raise Refused(
            f"{who} belongs to the Helm release {release} in namespace {place}",
            hint=f"give this stack another name, or remove it: helm uninstall {release} -n {place}",
        )
    if owner is None and not (who.kind in CLUSTER_SCOPED and who.kind in _SHARED):
        managers = [m.get("manager", "?") for m in metadata.get("managedFields") or ()]
        raise Refused(
            f"{who} is there already, and not made by gaiectl"
            + (f" but by {', '.join(sorted(set(managers)))}" if managers else ""),
            hint="give this stack another name, or delete that object",
        )


_SHARED = ("Namespace", "CustomResourceDefinition")
"""Kinds that a stack may use without owning them."""


def of_parent(found: Document) -> ApplySet:
    """Return the inventory that a Secret stands for.

    Raises:
        Refused: it is no inventory of ours, or somebody has changed it.
    """
    metadata = found["metadata"]
    labels, annotations = metadata.get("labels") or {}, dict(metadata.get("annotations") or {})
    who = Identity("", "Secret", metadata["namespace"], metadata["name"])
    annotations.pop(KINDS, "")
    namespaces = annotations.pop(NAMESPACES, "")
    tooling = annotations.pop(TOOLING, "")
    state = annotations.pop(STATE, "")
    applyset = ApplySet(
        parent=who,
        kinds=kinds_of(found),
        namespaces=frozenset(filter(None, namespaces.split(","))),
        annotations=annotations,
        data=found.get("data") or {},
        version=metadata["resourceVersion"],
        uid=metadata["uid"],
        is_complete=state == "complete",
        tooling=tooling,
        created=str(metadata.get("creationTimestamp") or ""),
    )
    if tooling.partition("/")[0] != TOOL or labels.get(ID) != applyset.id:
        made_by = f"by {tooling}" if tooling else "by somebody else"
        raise Refused(
            f"{who} is no inventory of gaiectl: it was made {made_by}, or changed",
            hint="give the stack another name, or remove that Secret: gaiectl cleanup finds what "
            "belongs to it without it",
        )
    return applyset


def _group_kind(text: str) -> tuple[str, str]:
    kind, _, group = text.partition(".")
    return group, kind


def _tooling() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - reads files

    return f"{TOOL}/v{version('gaiectl')}"


def rewrite(cluster: Cluster, applyset: ApplySet) -> ApplySet:
    """Keep an inventory as ``write`` does, for whoever cannot go on if somebody else has.

    Raises:
        Refused: somebody has written it since it was read.
    """
    try:
        return write(cluster, applyset)
    except ApiError as error:
        if not is_taken(error):
            raise
        raise Refused(
            f"somebody else changes {applyset.parent} at this moment",
            hint="wait until they are done, and try again",
        ) from None


def is_taken(error: ApiError) -> bool:
    """Tell whether somebody else has written the inventory since it was read."""
    return error.reason in ("Conflict", "AlreadyExists")
