"""A plan becomes objects in a cluster: everything is checked, then applied phase by phase.

Whatever happens in between, the inventory names at least what is there: it is widened before the
first object is created, and narrowed after the last one that is no longer wanted is gone. So an
installation that was killed is finished by another one, or removed by cleanup.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Applied, Cluster
from gaiectl.cluster.applyset import ApplySet, brought
from gaiectl.cluster.failures import ApiError, Unreachable
from gaiectl.cluster.outages import outlasting
from gaiectl.cluster.statuses import is_workload
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError
from gaiectl.operations import history, lock
from gaiectl.operations.image_presence import require_images
from gaiectl.operations.looking_ahead import SHARED, Prospect, conflict, look, try_out
from gaiectl.operations.phases import Phase, by_phase, phase_of
from gaiectl.operations.probing import Closed, Served, probe
from gaiectl.operations.releasing import ANNOTATION as RELEASE
from gaiectl.operations.releasing import ByHelm
from gaiectl.operations.routed_pools import routed_pools
from gaiectl.operations.waiting import Patience, Watcher, until_ready

PATH = "gaiectl.dev/path"
"""Annotation of the inventory: which path the stack was made by."""

_DEFINITION_SECONDS = 60.0
"""No object can be written before its kind is served, so this is waited for in any case."""
_SERVER_AWAY_SECONDS = 60.0


class Report(Watcher, Protocol):
    """Who is told how it goes."""

    def began(self, phase: Phase, count: int) -> None:
        """A phase with so many objects begins."""
        ...

    def applied(self, who: Identity, verb: str) -> None:
        """An object was ``created``, ``configured``, ``unchanged`` or ``pruned``."""
        ...

    def ended(self, phase: Phase, seconds: float) -> None:
        """A phase is done, with all that it waits for."""
        ...

    def noted(self, text: str) -> None:
        """Something that the user should know."""
        ...

    def doing(self, text: str) -> None:
        """What goes on between phases."""
        ...


class Wanted(NamedTuple):
    """What is to be installed.

    Attributes:
        name: of the stack.
        namespace: where its namespaced objects live.
        path: which way of deploying made it.
        documents: every object once, each with its namespace.
        options: what it was made from, kept for upgrades; JSON.
        cause: why, in a few words, for the stack's history.
        by_helm: the part that is to be a Helm release; None for none.
        continues: uid of the inventory that this is a change of; empty for a new stack or any.
        look_also: raises what else stands in the way; asked before the first write, if anything is
            to be written.
    """

    name: str
    namespace: str
    path: str
    documents: Sequence[Document]
    options: Mapping[str, Any] = {}
    cause: str = "install"
    by_helm: ByHelm | None = None
    continues: str = ""
    look_also: Callable[[], None] = lambda: None


class How(NamedTuple):
    """How it is to be installed.

    Attributes:
        seconds: how long to wait, for all phases together; 0 is not to wait.
        is_forced: take over fields that others have set.
        is_dry_run: let the server try, and keep nothing.
    """

    seconds: float = 0
    is_forced: bool = False
    is_dry_run: bool = False


class Outcome(NamedTuple):
    """What an installation did.

    Attributes:
        verbs: for each object what became of it, in order.
        phases: for each phase how many seconds it took.
        served: who answered a request through the gateway, or why nobody can; None if not asked.
    """

    verbs: tuple[tuple[Identity, str], ...]
    phases: tuple[tuple[Phase, float], ...] = ()
    served: Served | Closed | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing was to do."""
        return all(verb == "unchanged" for _, verb in self.verbs)


def install(cluster: Cluster, wanted: Wanted, report: Report, how: How = How()) -> Outcome:  # noqa: B008 - immutable
    """Make the cluster hold exactly these objects of the stack.

    An API server that goes away meanwhile is waited for, as long as for all else.

    Raises:
        TimedOut: it does, but not all is ready in time.
        Away: the API server went away, and did not come back in time.
        GaieError: something stands in the way; before the first write if it can be known.
    """
    patience = Patience(how.seconds)
    away = (lambda: patience.left) if how.seconds else (lambda: _SERVER_AWAY_SECONDS)
    with outlasting(cluster, away, report.noted):
        return _install(cluster, wanted, report, how, patience)


def _install(
    cluster: Cluster, wanted: Wanted, report: Report, how: How, patience: Patience
) -> Outcome:
    report.doing("looking at the cluster")
    prospect = look(
        cluster,
        wanted.name,
        wanted.namespace,
        wanted.documents,
        is_waiting=how.seconds > 0,
        by_helm=wanted.by_helm,
    )
    lock.refuse_other(prospect.known, wanted.continues)
    for note in prospect.notes:
        report.noted(note)
    shared, own = _parts(wanted.documents, prospect)
    released = wanted.by_helm.part(own) if wanted.by_helm else []
    members = [prospect.known.member(one) for one in _beside(wanted, own)]
    for note in require_images(cluster, own, waiting=report.doing):
        report.noted(note)
    tried = try_out(cluster, [*shared, *members], force=how.is_forced)
    tried += try_out(cluster, released, force=True)
    if not _is_all_unchanged(tried, [*shared, *own]):
        wanted.look_also()
    if how.is_dry_run:
        return _foreseen(wanted.documents, tried, report)
    run = _Run(cluster, report, patience, how)
    kept = [(who, "unchanged") for who in map(identity, wanted.documents) if who in prospect.kept]
    with _resumable(wanted):
        for phase, documents in by_phase(shared):
            run.apply(phase, documents)
        if len(tried) < len(shared) + len(own):  # the rest could not be tried before
            try_out(cluster, members, force=how.is_forced)
            try_out(cluster, released, force=True)
        held_back = lock.alone(
            cluster,
            wanted.name,
            wanted.namespace,
            doing=wanted.cause,
            seconds=how.seconds,
            waiting=report.noted,
            uid=wanted.continues,
        )
        with held_back as alone:
            run.cluster = alone
            _make(run, wanted, own, dict(tried))
        served = None
        if how.seconds > 0:
            report.doing("asking through the gateway")
            served = _asked(cluster, wanted, patience)
    return Outcome((*kept, *run.verbs), tuple(run.phases), served)


def _asked(cluster: Cluster, wanted: Wanted, patience: Patience) -> Served | Closed:
    """Ask through the gateway; once more if the way there, through the API server, was cut."""
    while True:
        times = cluster.outages.count if cluster.outages else 0
        try:
            return probe(cluster, wanted.documents, wanted.namespace, patience)
        except GaieError:
            cluster.version()  # waits, if it is away
            if not cluster.outages or cluster.outages.count == times:
                raise


@contextlib.contextmanager
def _resumable(wanted: Wanted) -> Iterator[None]:
    """Say how to go on after an API server went away, or knows us no more."""
    try:
        yield
    except (Unreachable, ApiError) as error:
        if isinstance(error, Unreachable) or error.status == 401:
            error.message += "; what was made so far stays"
            error.hint += (
                "; install again goes on from there, gaiectl cleanup "
                f"{wanted.name} -n {wanted.namespace} removes it"
            )
        raise


def _make(
    run: "_Run", wanted: Wanted, own: Sequence[Document], tried: Mapping[Identity, Applied]
) -> None:
    """Write the stack's own objects, its history and its inventory."""
    cluster, by_helm = run.cluster, wanted.by_helm
    known = applyset.read(cluster, wanted.name, wanted.namespace)
    ours = [known.member(document) for document in _beside(wanted, own)]
    annotations = {**known.annotations, PATH: wanted.path}
    annotations.pop(RELEASE, None)
    if by_helm:
        annotations[RELEASE] = by_helm.release.name
    held = applyset.rewrite(
        cluster, known.widened([*ours, history.PLACE])._replace(annotations=annotations)
    )
    # First, so that what does not become ready can be gone back from.
    held = history.record(
        cluster,
        held,
        wanted.documents,
        path=wanted.path,
        options=wanted.options,
        cause=wanted.cause,
    )
    if by_helm:
        run.release(by_helm, by_helm.part(own), tried)
    for phase, documents in by_phase(ours):
        run.apply(phase, documents)
    if by_helm:
        run.await_release(by_helm.part(own))
    for document in _no_longer_wanted(cluster, held, run.uids):
        run.prune(document)
    applyset.rewrite(cluster, held.narrowed([*ours, history.PLACE]))


class _Run:
    """An installation that goes on.

    Attributes:
        cluster: where to.
        verbs: what became of each object.
        phases: seconds that each phase took.
        uids: of all objects that were applied.
    """

    def __init__(self, cluster: Cluster, report: Report, patience: Patience, how: How) -> None:
        self.cluster = cluster
        self.verbs: list[tuple[Identity, str]] = []
        self.phases: list[tuple[Phase, float]] = []
        self.uids: set[str] = set()
        self._report = report
        self._patience = patience
        self._how = how

    def apply(self, phase: Phase, documents: Sequence[Document]) -> None:
        """Apply the objects of a phase, and wait for them."""
        began = time.monotonic()
        self._report.began(phase, len(documents))
        for document in documents:
            done = self._applied(document)
            self.uids.add(done.document["metadata"]["uid"])
            self._told(identity(document), done.verb)
        if phase is Phase.CRDS:
            patience = Patience(max(self._patience.left, _DEFINITION_SECONDS))
            until_ready(self.cluster, documents, patience, self._report)
            self.cluster.kinds.forget()
        elif self._how.seconds > 0:
            until_ready(self.cluster, _awaited(phase, documents), self._patience, self._report)
        seconds = time.monotonic() - began
        self.phases.append((phase, seconds))
        self._report.ended(phase, seconds)

    def release(
        self, by_helm: ByHelm, documents: Sequence[Document], tried: Mapping[Identity, Applied]
    ) -> None:
        """Let Helm install or upgrade its release, unless nothing in it would change."""
        found = [(who, tried.get(who)) for who in map(identity, documents)]
        verbs = [(who, done.verb if done else "created") for who, done in found]
        name = by_helm.release.name
        self._report.doing(f"Helm release {name}: {len(documents)} objects")
        if all(verb == "unchanged" for _, verb in verbs) and by_helm.is_deployed():
            self.verbs += verbs
            return
        done = by_helm.carry_out()
        for who, verb in verbs:
            self._told(who, verb)
        self._report.noted(f"Helm release {name} is at revision {done.revision}")

    def await_release(self, documents: Sequence[Document]) -> None:
        """Wait for what Helm brought."""
        if self._how.seconds > 0:
            for phase in (Phase.WORKLOADS, Phase.ROUTE, Phase.POLICIES):
                awaited = _awaited(phase, documents)
                until_ready(self.cluster, awaited, self._patience, self._report)

    def prune(self, document: Document) -> None:
        """Remove an object that is no longer wanted."""
        who = identity(document)
        if self.cluster.delete(who, uid=document["metadata"]["uid"]):
            self._told(who, "pruned")

    def _applied(self, document: Document) -> Applied:
        try:
            return self.cluster.apply(document, force=self._how.is_forced)
        except ApiError as error:
            if error.status == 409 and error.causes:
                raise conflict([(document, error)]) from None
            raise

    def _told(self, who: Identity, verb: str) -> None:
        self.verbs.append((who, verb))
        self._report.applied(who, verb)


def _beside(wanted: Wanted, own: Sequence[Document]) -> list[Document]:
    """Return what of a stack's own objects is in no Helm release."""
    return wanted.by_helm.rest(own) if wanted.by_helm else list(own)


def _awaited(phase: Phase, documents: Iterable[Document]) -> list[Document]:
    """Return what a phase waits for."""
    if phase is Phase.WORKLOADS:
        return [document for document in documents if is_workload(document)]
    if phase is Phase.POLICIES:
        return [document for document in documents if phase_of(document) is phase]
    if phase is not Phase.ROUTE:
        return []
    found = [document for document in documents if document["kind"] in ("Gateway", "HTTPRoute")]
    return found + [_pool(who) for who in sorted(routed_pools(found))]


def _pool(who: Identity) -> Document:
    metadata = {"name": who.name, "namespace": who.namespace}
    return {"apiVersion": f"{who.group}/v1", "kind": who.kind, "metadata": metadata}


def _parts(
    documents: Iterable[Document], prospect: Prospect
) -> tuple[list[Document], list[Document]]:
    """Return what the whole cluster shares and keeps, and what belongs to the stack."""
    shared, own = [], []
    for document in documents:
        who = identity(document)
        if who.kind not in SHARED:
            own.append(document)
        elif who not in prospect.kept:
            shared.append(brought(document, prospect.found.get(who)))
    return shared, own


def _is_all_unchanged(
    tried: Sequence[tuple[Identity, Applied]], documents: Sequence[Document]
) -> bool:
    return len(tried) == len(documents) and all(done.verb == "unchanged" for _, done in tried)


def _foreseen(
    documents: Iterable[Document], tried: Iterable[tuple[Identity, Applied]], report: Report
) -> Outcome:
    """Report what would become of each object; what could not be tried would be created."""
    verbs = {who: done.verb for who, done in tried}
    found = []
    for _, listed in by_phase(documents):
        for who in map(identity, listed):
            found.append((who, verbs.get(who, "created")))
            report.applied(*found[-1])
    return Outcome(tuple(found))


def _no_longer_wanted(cluster: Cluster, held: ApplySet, uids: set[str]) -> list[Document]:
    """Return the members that this installation did not apply, in the order in which they go."""
    gone = [
        document
        for document in applyset.members(cluster, held)
        if document["metadata"]["uid"] not in uids and not history.is_revision(document)
    ]
    phases = by_phase(gone)
    return [document for _, documents in reversed(phases) for document in reversed(documents)]
