"""One at a time: whoever changes a stack holds a Lease beside its inventory.

The Lease belongs to the inventory's Secret (ownerReference), which is made first if it is missing:
so Kubernetes removes a Lease that outlives its stack. It is renewed while the work goes on. One
whose holder is gone is taken over: at once when that was a process of this machine, else when it
has not been renewed for its duration, measured by our own clock as in client-go's leader election,
because clocks of machines differ.
"""

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import MANAGED_BY, TOOL
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.rights import needing
from gaiectl.documents import Document, Identity
from gaiectl.errors import GaieError, Refused, TimedOut
from gaiectl.operations import holder
from gaiectl.operations.holder import Holder

GROUP = "coordination.k8s.io"
_DOING = "gaiectl.dev/doing"
_PROCESS = "gaiectl.dev/process"
_SECONDS = 15
_RENEW_SECONDS = 5.0
_STALE_SECONDS = 10.0
_ANSWER_SECONDS = 5.0
_LOOK_SECONDS = 0.5


@contextlib.contextmanager
def alone(
    cluster: Cluster,
    name: str,
    namespace: str,
    *,
    doing: str,
    seconds: float = 0,
    waiting: Callable[[str], None] = lambda _: None,
    uid: str = "",
) -> Iterator[Cluster]:
    """Work on a stack while nobody else does.

    What was read before may have changed while we waited: read it again inside.

    Args:
        cluster: where the stack is.
        name: of the stack.
        namespace: of the stack; it exists.
        doing: what others are told: ``install``.
        seconds: how long to wait for somebody else to end.
        waiting: called with a sentence for each holder that is waited for.
        uid: of the stack's inventory, if it must be this very one; empty to make a missing one.

    Yields:
        The cluster to work with: it refuses to write once somebody else holds the stack.

    Raises:
        Refused: somebody else works on it, and we are not to wait; or has removed it.
        TimedOut: somebody else still works on it.
    """
    lease = _acquired(cluster, name, namespace, doing, seconds, waiting, uid)
    renewing = threading.Thread(target=lease.keep, name="lease", daemon=True)
    renewing.start()
    try:
        yield _Guarded(cluster, lease)
    finally:
        lease.release()


def who_holds(cluster: Cluster, name: str, namespace: str) -> str:
    """Return who works on a stack and since when, as words; empty when nobody does."""
    found = cluster.get(_identity(name, namespace))
    return "" if found is None or _holder(found).is_gone else _told(found)


class _Lease:
    """A Lease that is ours.

    Args:
        cluster: where it is.
        document: as it was written last.
    """

    def __init__(self, cluster: Cluster, document: Document) -> None:
        # Renewed by a thread of its own, and in time: with no patience for a server that is away.
        way = cluster.connection
        soon = min(way.access.timeout_seconds, _ANSWER_SECONDS)
        self._cluster = Cluster(way._replace(access=way.access._replace(timeout_seconds=soon)))
        self._document = document
        self._renewed = time.monotonic()
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._lost: GaieError | None = None

    def keep(self) -> None:
        """Renew it until it is released or lost."""
        while not self._ended.wait(_RENEW_SECONDS) and self._lost is None:
            # Whoever writes next tries it again and tells the user.
            with contextlib.suppress(GaieError):
                self._renew()

    def check(self) -> None:
        """Raise unless it is surely ours.

        Raises:
            GaieError: somebody else has taken it, or the API server does not say.
        """
        if time.monotonic() - self._renewed > _STALE_SECONDS:
            self._renew()
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        """Remove it; where that fails, it expires."""
        self._ended.set()
        with self._writing:
            metadata = self._document["metadata"]
            same = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
            with contextlib.suppress(GaieError):
                self._cluster.ask("DELETE", _place(self._document), {}, {"preconditions": same})

    def _renew(self) -> None:
        with self._writing:
            if self._ended.is_set():
                return
            began = time.monotonic()
            self._document["spec"]["renewTime"] = _now()
            try:
                self._document = _put(self._cluster, self._document)
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
                found = self._cluster.get(_identity_of(self._document))
                if found is None or not _is_same(found, self._document):
                    self._lost = self._taken(found)
                    return
                # Renewed by us: the answer was lost when the server went away.
                self._document["metadata"] = found["metadata"]
                self._document = _put(self._cluster, self._document)
            self._renewed = began

    def _taken(self, found: Document | None) -> GaieError:
        metadata = self._document["metadata"]
        by = _told(found) if found else f"its Lease {metadata['name']} was removed"
        return Refused(
            f"somebody else works on the stack now: {by}",
            hint="wait until they are done, and try again",
        )


class _Guarded(Cluster):
    """A cluster that is written to only as long as a Lease is ours."""

    def __init__(self, cluster: Cluster, lease: _Lease) -> None:
        super().__init__(cluster.connection)
        self.kinds, self.warnings = cluster.kinds, cluster.warnings
        self.outages = cluster.outages
        self._lease = lease

    def ask_once(self, method: str, *rest: Any) -> dict[str, Any]:
        """Send one request; a write only while the Lease is ours."""
        if method != "GET":
            self._lease.check()
        return super().ask_once(method, *rest)


def _acquired(  # noqa: PLR0917 - as many as its only caller has
    cluster: Cluster,
    name: str,
    namespace: str,
    doing: str,
    seconds: float,
    waiting: Callable[[str], None],
    uid: str,
) -> _Lease:
    deadline = time.monotonic() + seconds
    seen, since, told = "", 0.0, ""
    while True:
        owner = _parent_uid(cluster, name, namespace, uid)
        found = cluster.get(_identity(name, namespace))
        version = found["metadata"]["resourceVersion"] if found else ""
        if version != seen:
            seen, since = version, time.monotonic()
        if found is None or _is_free(found, time.monotonic() - since):
            wanted = _document(name, namespace, owner, doing, found)
            taken = _taken_over(cluster, wanted)
            if taken is None:
                continue
            lease = _Lease(cluster, taken)
            if owner == applyset.read(cluster, name, namespace).uid:
                return lease
            lease.release()  # of a stack that was removed meanwhile
            continue
        by = _told(found)
        if time.monotonic() >= deadline:
            raise _busy(name, namespace, by, seconds)
        if by != told:
            told = by
            waiting(f"waiting for {by}")
        time.sleep(_LOOK_SECONDS)


def _busy(name: str, namespace: str, by: str, seconds: float) -> GaieError:
    if not seconds:
        return Refused(
            f"somebody works on stack {name} in namespace {namespace}: {by}",
            hint="try again when they are done, or wait for them with --timeout 5m",
        )
    return TimedOut(
        f"somebody still works on stack {name} in namespace {namespace} after {seconds:g} s: {by}",
        hint="give it longer with --timeout, or look at what they wait for: gaiectl list",
    )


def refuse_other(known: applyset.ApplySet, uid: str) -> None:
    """Raise unless an inventory is the one that is to be continued; an empty uid is any.

    Raises:
        Refused: somebody has removed the stack, and perhaps installed it anew.
    """
    if uid and known.uid != uid:
        name, namespace = applyset.stack_of(known.parent), known.parent.namespace
        anew = " and installed anew" if known.exists else ""
        raise Refused(
            f"stack {name} in namespace {namespace} was removed{anew} meanwhile",
            hint="look at what is there: gaiectl list; gaiectl install brings a new one",
        )


def _parent_uid(cluster: Cluster, name: str, namespace: str, uid: str) -> str:
    """Return the uid of the stack's inventory, which is made if there is none."""
    while True:
        known = applyset.read(cluster, name, namespace)
        refuse_other(known, uid)
        if known.exists:
            return known.uid
        try:
            return applyset.write(cluster, known).uid
        except ApiError as error:
            if not applyset.is_taken(error):
                raise


def _taken_over(cluster: Cluster, wanted: Document) -> Document | None:
    """Write a Lease; None if somebody else was faster."""
    place = wanted["metadata"]["namespace"]
    try:
        with needing("leases", "get", "create", "update", "delete", namespace=place, group=GROUP):
            if "resourceVersion" in wanted["metadata"]:
                return _put(cluster, wanted)
            return cluster.create(wanted)
    except ApiError as error:
        if error.status == 404 or applyset.is_taken(error):
            return None
        raise


def _put(cluster: Cluster, lease: Document) -> Document:
    return cluster.ask("PUT", _place(lease), {"fieldManager": TOOL}, lease)


def _place(lease: Document) -> str:
    metadata = lease["metadata"]
    return f"/apis/{GROUP}/v1/namespaces/{metadata['namespace']}/leases/{metadata['name']}"


def _identity(name: str, namespace: str) -> Identity:
    return Identity(GROUP, "Lease", namespace, applyset.parent_of(name, namespace).name)


def _identity_of(lease: Document) -> Identity:
    metadata = lease["metadata"]
    return Identity(GROUP, "Lease", metadata["namespace"], metadata["name"])


def _is_same(found: Document, ours: Document) -> bool:
    """Tell whether a Lease is still the one that we took: nobody has taken it over since."""

    def taken(lease: Document) -> tuple[object, ...]:
        spec = lease.get("spec") or {}
        return (lease["metadata"]["uid"], spec.get("holderIdentity"), spec.get("acquireTime"))

    return taken(found) == taken(ours)


def _document(
    name: str, namespace: str, owner: str, doing: str, found: Document | None
) -> Document:
    parent, us, now = applyset.parent_of(name, namespace), holder.this(), _now()
    metadata: Document = {
        "name": parent.name,
        "namespace": namespace,
        "labels": {MANAGED_BY: TOOL},
        "annotations": {_DOING: doing, _PROCESS: us.process},
        "ownerReferences": [
            {"apiVersion": "v1", "kind": parent.kind, "name": parent.name, "uid": owner}
        ],
    }
    if found is not None:
        metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": us.name,
            "leaseDurationSeconds": _SECONDS,
            "acquireTime": now,
            "renewTime": now,
        },
    }


def _is_free(found: Document, unchanged_seconds: float) -> bool:
    spec = found.get("spec") or {}
    if (found["metadata"].get("labels") or {}).get(MANAGED_BY) != TOOL:
        name = found["metadata"]["name"]
        raise Refused(
            f"Lease {name} in namespace {found['metadata']['namespace']} is not gaiectl's",
            hint="give the stack another name, or remove that Lease",
        )
    if not spec.get("holderIdentity") or _holder(found).is_gone:
        return True
    return unchanged_seconds > float(spec.get("leaseDurationSeconds") or _SECONDS)


def _holder(found: Document) -> Holder:
    annotations = found["metadata"].get("annotations") or {}
    name = (found.get("spec") or {}).get("holderIdentity") or "somebody"
    return Holder(str(name), str(annotations.get(_PROCESS, "")))


def _told(found: Document) -> str:
    doing = (found["metadata"].get("annotations") or {}).get(_DOING, "work")
    since = str((found.get("spec") or {}).get("acquireTime") or "")[:19].replace("T", " ")
    return f"{doing} by {_holder(found).name}" + (f", since {since} UTC" if since else "")


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
