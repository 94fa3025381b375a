"""What an installation would change: the API server is asked to try it, and keeps nothing."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import PART_OF, RELEASE, ApplySet, brought
from gaiectl.documents import Document, Identity, dump, identity
from gaiectl.operations.history import MASK, is_revision
from gaiectl.operations.looking_ahead import SHARED, look, try_out
from gaiectl.operations.phases import by_phase

_BOOKKEEPING = frozenset(
    ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
)


class Change(NamedTuple):
    """What would become of an object.

    Attributes:
        who: the object.
        verb: ``created``, ``configured``, ``unchanged`` or ``pruned``.
        before: the object as it is, if it is there; without bookkeeping, status and secrets.
        after: as it would be; None if it would go.
        managers: who owns which of its fields: its ``managedFields``.
    """

    who: Identity
    verb: str
    before: Document | None
    after: Document | None
    managers: Sequence[Mapping[str, Any]] = ()

    def lines(self) -> list[str]:
        """Return a unified diff of its YAML; none when nothing would change."""
        if self.verb == "unchanged":
            return []
        made = difflib.unified_diff(
            _lines(self.before),
            _lines(self.after),
            f"{self.who} as it is" if self.before else "/dev/null",
            f"{self.who} as wanted" if self.after else "/dev/null",
            lineterm="",
        )
        return list(made)


class Differences(NamedTuple):
    """What an installation would change.

    Attributes:
        changes: in the order in which they would come.
        notes: what the user should know.
    """

    changes: Sequence[Change]
    notes: Sequence[str]


def diff(cluster: Cluster, name: str, namespace: str, documents: Sequence[Document]) -> Differences:
    """Return what installing these documents as a stack would change.

    Raises:
        GaieError: it would fail, as far as can be known.
    """
    prospect = look(cluster, name, namespace, documents, is_waiting=False)
    known = prospect.known
    asked, kept = [], []
    for document in documents:
        who = identity(document)
        if who in prospect.kept:
            kept.append(Change(who, "unchanged", None, None))
        elif who.kind in SHARED:
            asked.append(brought(document, prospect.found.get(who)))
        else:
            asked.append(known.member(document))
    wanted = {identity(document) for document in documents}
    gone = [
        document
        for document in applyset.members(cluster, known)
        if identity(document) not in wanted and not is_revision(document)
    ]
    pruned = [
        Change(identity(document), "pruned", readable(document, None)[0], None)
        for _, listed in reversed(by_phase(gone))
        for document in reversed(listed)
    ]
    return Differences([*kept, *_tried(cluster, asked), *pruned], prospect.notes)


def drift(cluster: Cluster, known: ApplySet, documents: Iterable[Document]) -> list[Change]:
    """Return what applying a stack's own documents once more would change.

    Raises:
        GaieError: it would fail.
    """
    return _tried(cluster, [_as_installed(cluster, known, document) for document in documents])


def _as_installed(cluster: Cluster, known: ApplySet, document: Document) -> Document:
    """Return a document as it was applied: with our label, unless a Helm release holds it."""
    if RELEASE in known.annotations:
        found = cluster.get(identity(document)) or {"metadata": {}}
        if PART_OF not in (found["metadata"].get("labels") or {}):
            return document
    return known.member(document)


def _tried(cluster: Cluster, documents: Sequence[Document]) -> list[Change]:
    tried = dict(try_out(cluster, documents, force=True))
    changes = []
    for _, group in by_phase(documents):
        for document in group:
            who = identity(document)
            done = tried.get(who)
            if done is None or done.before is None:
                # What the server would add to a new object says nothing that the document does not.
                changes.append(Change(who, "created", None, readable(None, document)[1]))
                continue
            managers = done.before["metadata"].get("managedFields") or ()
            before, after = readable(done.before, done.document)
            changes.append(Change(who, done.verb, before, after, managers))
    return changes


def readable(
    before: Document | None, after: Document | None
) -> tuple[Document | None, Document | None]:
    """Return both as people compare them: values of Secrets masked, so that a change shows."""
    if _is_secret(before) or _is_secret(after):
        before, after = _masked(before, after, "as it is"), _masked(after, before, "as wanted")
    return _bare(before), _bare(after)


def _bare(document: Document | None) -> Document | None:
    if document is None:
        return None
    metadata = {k: v for k, v in document["metadata"].items() if k not in _BOOKKEEPING}
    made = {**document, "metadata": metadata}
    made.pop("status", None)
    return made


def _is_secret(document: Document | None) -> bool:
    return document is not None and (document["apiVersion"], document["kind"]) == ("v1", "Secret")


def _masked(secret: Document | None, other: Document | None, when: str) -> Document | None:
    if secret is None:
        return None
    made = dict(secret)
    for name in ("data", "stringData"):
        values: Mapping[str, Any] = secret.get(name) or {}
        others: Mapping[str, Any] = (other or {}).get(name) or {}
        masked = {
            key: f"{MASK} ({when})" if key in others and others[key] != value else MASK
            for key, value in values.items()
        }
        if masked:
            made[name] = masked
    return made


def _lines(document: Document | None) -> list[str]:
    """Return an object's YAML, keys in one order whoever wrote it."""
    return dump([_in_order(document)]).splitlines()[1:] if document else []


def _in_order(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_order(one) for one in value]
    if not isinstance(value, dict):
        return value
    first = [key for key in ("apiVersion", "kind", "metadata", "name", "namespace") if key in value]
    keys = [*first, *sorted(value.keys() - set(first), key=str)]
    return {key: _in_order(value[key]) for key in keys}
