"""What an installation would change: the API server is asked to try it, and keeps nothing."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet, refuse_foreign
from gaiectl.documents import Document, Identity, dump, identity
from gaiectl.errors import GaieError
from gaiectl.operations.history import MASK, is_revision
from gaiectl.operations.phases import by_phase

SHARED = ("Namespace", "CustomResourceDefinition")
"""Kinds that belong to the cluster, not to a stack."""

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


def diff(
    cluster: Cluster, name: str, namespace: str, documents: Sequence[Document]
) -> list[Change]:
    """Return what installing these documents as a stack would change, in the order it would.

    Raises:
        GaieError: it would fail, as far as can be known.
    """
    known = applyset.read(cluster, name, namespace)
    changes = list(compare(cluster, known, documents, namespace))
    wanted = {identity(document) for document in documents}
    gone = [
        document
        for document in applyset.members(cluster, known)
        if identity(document) not in wanted and not is_revision(document)
    ]
    for _, listed in reversed(by_phase(gone)):
        for document in reversed(listed):
            before, _ = readable(document, None)
            changes.append(Change(identity(document), "pruned", before, None))
    return changes


def compare(
    cluster: Cluster, known: ApplySet, documents: Iterable[Document], namespace: str
) -> Iterator[Change]:
    """Yield what applying each document would change, phase by phase.

    Raises:
        GaieError: it would fail.
    """
    listed = list(documents)
    brought = {_defined(d) for d in listed if d["kind"] == "CustomResourceDefinition"}
    missing = _missing_namespaces(cluster, listed, namespace)
    for _, group in by_phase(listed):
        for document in group:
            is_shared = document["kind"] in SHARED
            ours = document if is_shared else known.member(document)
            who = identity(ours)
            cannot_try = who.namespace in missing or (
                (who.group, who.kind) in brought and cluster.kinds.find(who.group, who.kind) is None
            )
            yield (
                Change(who, "created", None, readable(None, ours)[1])
                if cannot_try
                else _tried(cluster, known, ours, is_shared=is_shared)
            )


def _tried(cluster: Cluster, known: ApplySet, document: Document, *, is_shared: bool) -> Change:
    done = cluster.apply(document, is_dry_run=True, force=True)
    if done.before is not None and not is_shared:
        refuse_foreign(done.before, known)
    # What the server would add to a new object says nothing that the document does not.
    after = document if done.before is None else done.document
    managers = (done.before or {}).get("metadata", {}).get("managedFields") or ()
    return Change(identity(document), done.verb, *readable(done.before, after), managers)


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


def _defined(definition: Document) -> tuple[str, str]:
    return definition["spec"]["group"], definition["spec"]["names"]["kind"]


def _missing_namespaces(
    cluster: Cluster, documents: Sequence[Document], namespace: str
) -> frozenset[str]:
    """Return the namespaces that an installation would bring first.

    Raises:
        GaieError: that of the stack is not there, and is not brought.
    """
    brought = {d["metadata"]["name"] for d in documents if d["kind"] == "Namespace"}
    places = brought | {namespace}
    missing = {one for one in places if cluster.get(Identity("", "Namespace", "", one)) is None}
    if namespace in missing - brought:
        raise GaieError(
            f"there is no namespace {namespace}",
            hint="--create-namespace brings it, or name another one with -n",
        )
    return frozenset(missing)


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
