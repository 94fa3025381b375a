"""What was installed before: each installation of something else keeps a revision, to go back to.

A revision is a Secret beside the stack's inventory and a member of it, so cleanup removes it. It
holds the documents as they were given, without what the whole cluster shares (Namespace,
CustomResourceDefinition), and the options they were made from. Values of the stack's own Secrets
are masked in the documents, and kept under a key of their own: a rollback needs them, and whoever
may read that Secret may read the originals beside it. Nothing here ever shows them.

An installation calls ``record`` before its first apply, so that one can go back from what does not
become ready. It keeps what ``is_revision`` says from being pruned, and room for ``PLACE`` in
the inventory.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import MANAGED_BY, PART_OF, TOOL, ApplySet, write
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError, Refused

SECRET_TYPE = "gaiectl.dev/revision"  # noqa: S105 - the type of a Secret, no secret
NUMBER = "gaiectl.dev/revision"
PATH = "gaiectl.dev/path"
CAUSE = "gaiectl.dev/cause"
VERSION = "gaiectl.dev/version"
PLACE: Document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "revision"}}
"""Stands for the revisions where an inventory is widened or narrowed to hold documents."""
MASK = "***"
KEPT = 10

_SHARED = ("Namespace", "CustomResourceDefinition")
_MOST_BYTES = 64 << 20
_LARGEST_SECRET = 1 << 20
_VALUES = ("data", "stringData")


class Revision(NamedTuple):
    """A revision as it is kept.

    Attributes:
        number: 1 is the first one.
        made: when, RFC 3339; empty for one that is not kept yet.
        version: of the gaiectl that made it.
        path: which way of deploying made it.
        cause: ``install``, ``upgrade`` or ``rollback to 3``.
        packed: documents, Secrets' values and options: gzip in base64, by name.
        who: its Secret.
    """

    number: int
    made: str
    version: str
    path: str
    cause: str
    packed: Mapping[str, str]
    who: Identity

    def documents(self) -> list[Document]:
        """Return the documents, with the values of Secrets.

        Raises:
            GaieError: somebody changed what is kept.
        """
        documents, values = self._unpacked("documents", list), self._unpacked("values", dict)
        return [{**one, **values.get(str(identity(one)), {})} for one in documents]

    def masked(self) -> list[Document]:
        """Return the documents, without the values of Secrets; raises as ``documents`` does."""
        found: list[Document] = self._unpacked("documents", list)
        return found

    def options(self) -> dict[str, Any]:
        """Return what the documents were made from; raises as ``documents`` does."""
        found: dict[str, Any] = self._unpacked("options", dict)
        return found

    def _unpacked(self, name: str, kind: type) -> Any:
        try:
            found = json.loads(_unzipped(base64.b64decode(self.packed[name], validate=True)))
        except (KeyError, ValueError, zlib.error):
            found = None
        if not isinstance(found, kind):
            raise GaieError(
                f"revision {self.number} cannot be read: {self.who} was changed",
                hint="choose another revision: gaiectl history lists them",
            )
        return found


def record(
    cluster: Cluster,
    held: ApplySet,
    documents: Iterable[Document],
    *,
    path: str,
    options: Mapping[str, Any] | None = None,
    cause: str = "install",
) -> ApplySet:
    """Keep what is to be applied as the latest revision, unless it is that already.

    Safe to repeat after having been killed at any point: what is kept is compared, not counted.

    Args:
        cluster: where.
        held: the stack's inventory, as it was written last.
        documents: all that are to be applied, without labels of the inventory.
        path: which way of deploying made them.
        options: what they were made from, for ``upgrade``; JSON.
        cause: a few words on why.

    Returns:
        The inventory as it is in the cluster now.

    Raises:
        Refused: somebody else installs at this moment.
    """
    packed = _packed(documents, options or {})
    before = revisions(cluster, held)
    latest = before[-1] if before else None
    if latest is not None and latest.packed == packed and latest.path == path:
        return held
    if ("", "Secret") not in held.kinds:
        held = write(cluster, held.widened([PLACE]))
    number = 1 + (latest.number if latest else 0)
    _create(cluster, _secret(held, number, packed, path=path, cause=cause))
    for old in before[: -(KEPT - 1)]:
        cluster.delete(old.who)
    return held


def revisions(cluster: Cluster, held: ApplySet) -> list[Revision]:
    """Return the revisions of a stack, the oldest first."""
    secrets = cluster.kinds.need("", "Secret")
    selector = f"{PART_OF}={held.id},{NUMBER}"
    listed = cluster.list(secrets, held.parent.namespace, selector=selector)
    return sorted((_of(one) for one in listed if is_revision(one)), key=lambda one: one.number)


def is_revision(document: Document) -> bool:
    """Tell whether an object is a revision, which no installation prunes."""
    number = (document["metadata"].get("labels") or {}).get(NUMBER, "")
    return document.get("type") == SECRET_TYPE and number.isdecimal() and number.isascii()


def _of(secret: Document) -> Revision:
    metadata = secret["metadata"]
    annotations = metadata.get("annotations") or {}
    return Revision(
        number=int(metadata["labels"][NUMBER]),
        made=str(metadata.get("creationTimestamp") or ""),
        version=str(annotations.get(VERSION, "")),
        path=str(annotations.get(PATH, "")),
        cause=str(annotations.get(CAUSE, "")),
        packed=secret.get("data") or {},
        who=identity(secret),
    )


def _secret(
    held: ApplySet, number: int, packed: Mapping[str, str], *, path: str, cause: str
) -> Document:
    from importlib.metadata import version  # noqa: PLC0415 - reads files

    parent = held.parent
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{parent.name}.v{number}",
            "namespace": parent.namespace,
            "labels": {PART_OF: held.id, MANAGED_BY: TOOL, NUMBER: str(number)},
            "annotations": {PATH: path, CAUSE: cause, VERSION: version("gaiectl")},
        },
        "type": SECRET_TYPE,
        "immutable": True,
        "data": dict(packed),
    }


def _create(cluster: Cluster, secret: Document) -> None:
    who = identity(secret)
    size = sum(map(len, secret["data"].values()))
    if size * 3 // 4 > _LARGEST_SECRET:
        raise GaieError(
            f"the stack is too large to keep a revision of: {size} bytes packed",
            hint="make its values smaller",
        )
    try:
        cluster.create(secret)
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
        raise Refused(
            f"{who} is there already: somebody else installs at this moment",
            hint="wait until they are done, and try again",
        ) from None


def _packed(documents: Iterable[Document], options: Mapping[str, Any]) -> dict[str, str]:
    masked, values = [], {}
    for document in documents:
        if document["kind"] in _SHARED:
            continue
        who = identity(document)
        if (who.group, who.kind) == ("", "Secret"):
            values[str(who)] = {name: document[name] for name in _VALUES if name in document}
            document = mask(document)  # noqa: PLW2901 - nobody needs the other one
        masked.append(document)
    parts = {"documents": masked, "values": values, "options": options}
    return {name: _zipped(json.dumps(part).encode()) for name, part in parts.items()}


def mask(secret: Document) -> Document:
    """Return a Secret without its values; what has none stays as it is."""
    made = deepcopy(secret)
    for name in _VALUES:
        if isinstance(made.get(name), dict):
            made[name] = dict.fromkeys(made[name], MASK)
    return made


def _zipped(data: bytes) -> str:
    packer = zlib.compressobj(9, wbits=31)  # gzip, without a time: equal data is equal bytes
    return base64.b64encode(packer.compress(data) + packer.flush()).decode()


def _unzipped(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    found = unpacker.decompress(data, _MOST_BYTES)
    if not unpacker.eof:
        raise ValueError("cut off, or too large")
    return found
