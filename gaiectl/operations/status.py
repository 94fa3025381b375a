"""How a stack is: its objects, pods, leader and endpoints, and what others changed in it."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import RELEASE, TOOL, ApplySet
from gaiectl.cluster.refused_pods import hint_of
from gaiectl.cluster.statuses import State, elects_leader, status_of
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError
from gaiectl.operations import endpoint_loads, stack_pods
from gaiectl.operations.diff import drift as drift_of
from gaiectl.operations.endpoint_loads import Loads
from gaiectl.operations.history import PATH, Revision, revisions
from gaiectl.operations.phases import by_phase
from gaiectl.operations.routed_pools import routed_pools
from gaiectl.operations.stack_pods import EPP, MODEL, Pod
from gaiectl.operations.which import name_of, seen

NOT_FOUND = "NotFound"
_LEASES = ("coordination.k8s.io", "Lease")
_LEASE_SUFFIXES = ("gateway-api-inference-extension.sigs.k8s.io", "llm-d.ai")


class Object(NamedTuple):
    """An object of a stack.

    Attributes:
        who: the object.
        state: ``Current``, ``InProgress``, ``Failed``, ``Terminating`` or ``NotFound``.
        reason: why it is not current; empty if it is.
        drift: who changed it since it was installed; empty if nobody did.
        difference: what installing it again would change: lines of a unified diff.
    """

    who: Identity
    state: str
    reason: str = ""
    drift: str = ""
    difference: Sequence[str] = ()


class Leader(NamedTuple):
    """Who leads the EPPs of a stack.

    Attributes:
        pod: name of the pod that holds the Lease; empty if none does.
        is_fresh: it renewed the Lease in time.
        renewed: when, RFC 3339.
    """

    pod: str
    is_fresh: bool
    renewed: str


class Problem(NamedTuple):
    """Something that is not as it should be.

    Attributes:
        message: what, with names and values.
        hint: the next thing to do.
    """

    message: str
    hint: str


class Report(NamedTuple):
    """How a stack is.

    Attributes:
        name: of the stack.
        namespace: where it is.
        path: which way of deploying made it.
        release: name of the Helm release that holds its chart; empty for none.
        revision: the latest one; None if none is kept.
        objects: in the order in which they come.
        pods: by what they do and by name.
        leader: None where nobody is elected.
        loads: the endpoints.
        unseen: what the API server says of kinds that the user may not list.
        unknown_drift: why nobody knows what was changed; empty if it is known.
        problems: the first one is to be looked at first.
        is_complete: what was begun has ended, be it an installation, a change or a cleanup.
    """

    name: str
    namespace: str
    path: str
    release: str
    revision: Revision | None
    objects: Sequence[Object]
    pods: Sequence[Pod]
    leader: Leader | None
    loads: Loads
    unseen: Sequence[str]
    unknown_drift: str
    problems: Sequence[Problem]
    is_complete: bool = True

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is to be done."""
        return not self.problems


def status(cluster: Cluster, stack: ApplySet) -> Report:
    """Return how a stack is.

    Raises:
        GaieError: the cluster does not tell.
    """
    members, unseen = seen(cluster, stack)
    there = revisions(cluster, stack)
    latest = there[-1] if there else None
    drifts, unknown = _drifts(cluster, stack, latest)
    objects = _objects(members, drifts)
    pods = stack_pods.find(cluster, members)
    leader = _leader(cluster, stack, members)
    pods = [_standing_by(pod, leader) for pod in pods]
    report = Report(
        name=name_of(stack),
        namespace=stack.parent.namespace,
        path=stack.annotations.get(PATH, ""),
        release=stack.annotations.get(RELEASE, ""),
        revision=latest,
        objects=objects,
        pods=pods,
        leader=leader,
        loads=_loads(cluster, pods, leader),
        unseen=unseen,
        unknown_drift=unknown,
        problems=(),
        is_complete=stack.is_complete,
    )
    return report._replace(problems=list(problems(report)))


def problems(report: Report) -> Iterator[Problem]:
    """Yield what is wrong with a stack, the cause before what follows from it. Pure."""
    name, place = report.name, f"-n {report.namespace}"
    if not (report.objects or report.unseen):
        yield Problem(
            "none of its objects is there: its installation was cut off",
            f"install it again, or remove what is left: gaiectl cleanup {name} {place}",
        )
        return
    number = f" {report.revision.number}" if report.revision else ""
    again = f"gaiectl rollback {name}{number} {place}"
    if report.release:
        again = f"gaiectl upgrade {name} {place}"
    unready = [pod for pod in report.pods if not (pod.is_ready or pod.is_ending)]
    for (component, message, hint), pods in _alike(unready).items():
        more = f" and {len(pods) - 1} more" if len(pods) > 1 else ""
        yield Problem(
            f"pod {pods[0].name}{more}: {message}",
            hint or f"gaiectl logs {name} {place} --component {component}",
        )
    if not report.is_complete:
        yield _unended(report, again)
    for one in report.objects:
        if one.state == NOT_FOUND and not report.is_complete:
            continue
        if one.state == NOT_FOUND:
            yield Problem(f"{one.who} is gone: somebody deleted it", f"{again} brings it back")
        elif one.state != State.CURRENT and not unready:
            kind = f"{one.who.kind}.{one.who.group}".rstrip(".").lower()
            described = f"kubectl describe {kind} {one.who.name} {place}"
            hint = hint_of(one.reason, report.namespace) or described
            yield Problem(f"{one.who}: {one.reason}", hint)
    yield from _of_picking(report, f"gaiectl logs {name} {place} --component")
    for one in report.objects:
        if one.drift and one.state != NOT_FOUND:
            yield Problem(
                f"{one.who} is not as installed: {one.drift}",
                f"{again} --force-conflicts undoes it",
            )


def _unended(report: Report, again: str) -> Problem:
    missing = sum(one.state == NOT_FOUND for one in report.objects)
    lacks = f"; of its objects {missing} are not there" if missing else ""
    return Problem(
        f"an installation, a change or a cleanup of it has not ended{lacks}",
        f"unless it is under way, {again} goes on, and gaiectl cleanup {report.name} "
        f"-n {report.namespace} removes it",
    )


def _of_picking(report: Report, logs: str) -> Iterator[Problem]:
    if report.leader and not (report.leader.pod and report.leader.is_fresh):
        held = f"{report.leader.pod} has not renewed it" if report.leader.pod else "nobody holds it"
        yield Problem(f"the EPPs have no leader: {held}", f"{logs} epp")
    for load in report.loads.endpoints:
        if not load.is_reachable:
            yield Problem(
                f"endpoint {load.name} ({load.address}) does not tell its metrics", f"{logs} model"
            )
    is_serving = any(pod.component == MODEL and pod.is_ready for pod in report.pods)
    if is_serving and not (report.loads.endpoints or report.loads.unknown):
        yield Problem("the EPP knows no endpoint, though model servers are ready", f"{logs} epp")


def _alike(pods: Iterable[Pod]) -> dict[tuple[str, str, str], list[Pod]]:
    """Return pods by what stands in their way."""
    found: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in pods:
        found.setdefault((pod.component, pod.message, pod.hint), []).append(pod)
    return found


def _objects(members: Sequence[Document], drifts: Mapping[Identity, Object]) -> list[Object]:
    routed = routed_pools(members)
    found = []
    for _, documents in by_phase(members):
        for document in documents:
            who = identity(document)
            told = status_of(document)
            # Where no route leads to a pool, there is no controller that could say anything of it.
            is_unjudged = who.kind == "InferencePool" and who not in routed
            state, reason = (State.CURRENT, "") if is_unjudged else told
            drift = drifts.get(who)
            found.append(
                Object(
                    who,
                    state,
                    reason,
                    drift.drift if drift else "",
                    drift.difference if drift else (),
                )
            )
    gone = drifts.keys() - {one.who for one in found}
    return found + [drifts[who] for who in sorted(gone) if drifts[who].state == NOT_FOUND]


def _drifts(
    cluster: Cluster, stack: ApplySet, latest: Revision | None
) -> tuple[dict[Identity, Object], str]:
    """Return what was changed since the last installation, and why nobody knows if so."""
    if latest is None:
        return {}, "no revision of this stack is kept"
    found = {}
    reason, how = ("it is gone", "deleted") if stack.is_complete else ("it is not there", "")
    try:
        for change in drift_of(cluster, stack, latest.documents()):
            if change.verb == "created":
                found[change.who] = Object(change.who, NOT_FOUND, reason, how)
            elif change.verb != "unchanged":
                who = _others(change.managers)
                found[change.who] = Object(change.who, "", "", who, change.lines())
    except GaieError as error:
        return found, ": ".join(filter(None, [error.message, error.detail.partition("\n")[0]]))
    return found, ""


def _others(managers: Sequence[Mapping[str, Any]]) -> str:
    """Return who changed an object last that is not us, from its managedFields."""
    others = [
        one for one in managers if one.get("manager") != TOOL and one.get("subresource") != "status"
    ]
    if not others:
        return "changed"
    last = max(others, key=lambda one: str(one.get("time", "")))
    when = f" at {last['time']}" if last.get("time") else ""
    return f"changed by {last.get('manager', 'somebody')}{when}"


def _leader(cluster: Cluster, stack: ApplySet, members: Sequence[Document]) -> Leader | None:
    if not any(elects_leader(one) for one in members):
        return None
    namespace = stack.parent.namespace
    pools = [one["metadata"]["name"] for one in members if one["kind"] == "InferencePool"]
    for pool in pools or [name_of(stack)]:
        for suffix in _LEASE_SUFFIXES:
            name = f"epp-{namespace}-{pool}.{suffix}"
            lease = cluster.get(Identity(*_LEASES, namespace, name))
            if lease is not None:
                return leader_of(lease, dt.datetime.now(dt.UTC))
    return Leader("", is_fresh=False, renewed="")


def leader_of(lease: Document, now: dt.datetime) -> Leader:
    """Return who holds a Lease; its holder writes its pod's name in front of ``_``. Pure."""
    spec = lease.get("spec") or {}
    holder = str(spec.get("holderIdentity") or "").partition("_")[0]
    seconds, renewed = spec.get("leaseDurationSeconds"), str(spec.get("renewTime") or "")
    try:
        silent = (now - dt.datetime.fromisoformat(renewed)).total_seconds()
    except (ValueError, TypeError):
        return Leader(holder, is_fresh=False, renewed="")
    # Clocks of machines differ: two durations are surely too long.
    return Leader(holder, silent < 2 * (seconds if isinstance(seconds, int) else 15), renewed)


def _standing_by(pod: Pod, leader: Leader | None) -> Pod:
    """Return a pod that is not ready because another one leads as what it is: all right."""
    is_other = leader is not None and leader.is_fresh and leader.pod not in ("", pod.name)
    runs = pod.state == "Running" and not pod.hint
    if pod.component == EPP and is_other and runs and not pod.is_ready:
        return pod._replace(is_ready=True, message="stands by")
    return pod


def _loads(cluster: Cluster, pods: Sequence[Pod], leader: Leader | None) -> Loads:
    ready = [pod for pod in pods if pod.component == EPP and pod.is_ready]
    first = [pod for pod in ready if leader is not None and pod.name == leader.pod]
    for pod in first or ready:
        return endpoint_loads.ask(cluster, pod.document)
    return Loads(unknown="no EPP is ready")
