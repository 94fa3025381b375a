"""Waits until objects are what was asked for, and gives up as soon as it is clear that they won't.

Asked again every second, not watched: a handful of objects cost little, and a server that restarts
meanwhile is only asked once more.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from gaiectl.cluster import gateways, worker_groups
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError, Away, Unreachable
from gaiectl.cluster.gateways import awaits_address, lacks_balancer
from gaiectl.cluster.nodes import trouble_of_node
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.refused_pods import hint_of
from gaiectl.cluster.room import most_room
from gaiectl.cluster.statuses import State, Status, is_workload, status_of
from gaiectl.cluster.troubles import Trouble, claims, crash_of, trouble_of, why_not_ready
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError, TimedOut

_PERIOD_SECONDS = 1.0
_FIRST_PERIOD_SECONDS = 0.2
_SETTLE_SECONDS = 5.0
"""A rollout that fails for the moment: quota that old pods still use, an account to come."""
_UNSEEN_SECONDS = 2.0
"""Statuses without ``observedGeneration`` may be of the object as it was."""
_NO_CONTROLLER_SECONDS = 30.0
_NO_BALANCER_SECONDS = 60.0
_MOST_TIMES_AGAIN = 3
_PATCH_SECONDS = 30.0
_LOG_LINES = 10


class Pending(NamedTuple):
    """An object that is waited for.

    Attributes:
        who: the object.
        reason: why it is not ready.
        seconds: how long it has been waited for.
    """

    who: Identity
    reason: str
    seconds: float


class Watcher(Protocol):
    """Who is told what is waited for."""

    def waits(self, pending: Sequence[Pending]) -> None:
        """These objects are not ready; called each time they were asked."""
        ...


class Failure(NamedTuple):
    """Why an object will not become ready by itself."""

    message: str
    hint: str
    detail: str = ""


_SILENT = Failure("", "")


class Patience:
    """How long to wait, for all phases together.

    Args:
        seconds: from now on; 0 is not to wait at all.
        clock: seconds that never go back.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.seconds = seconds
        self.now = clock
        self.sleep = sleep
        self._end = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._end - self.now()


def until_ready(
    cluster: Cluster, documents: Iterable[Document], patience: Patience, watcher: Watcher
) -> None:
    """Return when all objects are ready.

    Raises:
        TimedOut: they are not in time; says which, why and since when.
        GaieError: one of them will not be, whatever the time.
    """
    waiting = [identity(document) for document in documents]
    began = patience.now()
    looks = _Looks(cluster, patience.now)
    period = _FIRST_PERIOD_SECONDS
    reasons: dict[Identity, str] = dict.fromkeys(waiting, "not asked for yet")
    while waiting:
        try:
            found = {who: looks.at(who) for who in waiting}
        except Away:
            raise
        except Unreachable as error:
            reasons = dict.fromkeys(waiting, error.message)
        else:
            failed = {who: one for who, one in found.items() if isinstance(one, Failure)}
            if failed:
                raise _given_up(failed)
            reasons = {who: _line(str(one)) for who, one in found.items() if one}
            waiting = list(reasons)
        seconds = patience.now() - began
        pending = [Pending(who, reasons[who], seconds) for who in waiting]
        watcher.waits(pending)
        if not waiting:
            return
        if patience.left <= 0:
            raise _timed_out(pending, patience.seconds)
        patience.sleep(min(period, max(patience.left, 0)))
        period = min(period * 2, _PERIOD_SECONDS)


class _Looks:
    """Looks at objects and their pods, and remembers since when something is wrong."""

    def __init__(self, cluster: Cluster, now: Callable[[], float]) -> None:
        self._cluster = cluster
        self._now = now
        self._since: dict[tuple[str, ...], float] = {}
        self._outages = 0
        self._pods_of: dict[str, set[str]] = {}
        self._crashes: dict[Identity, Failure] = {}

    def at(self, who: Identity) -> str | Failure:
        """Return why an object is not ready, empty if it is; a failure if it never will be."""
        outages = self._cluster.outages.count if self._cluster.outages else 0
        if outages > self._outages:  # nobody could mend anything meanwhile
            self._since.clear()
            self._outages = outages
        found = self._cluster.get(who)
        if found is None:
            return (
                "it is not there" if self._age(str(who), "gone") < _SETTLE_SECONDS else _gone(who)
            )
        status = status_of(found)
        if (who.group, who.kind) == (gateways.GROUP, "Gateway"):
            return self._gateway(who, status)
        if status.state is State.CURRENT:
            if who.kind == worker_groups.KIND and self._age(str(who), "seen") < _UNSEEN_SECONDS:
                return "its controller does not say whether it has seen the change yet"
            return ""
        if not is_workload(found):
            return self._other(who, status)
        return self._workload(who, found, status)

    def _workload(self, who: Identity, found: Document, status: Status) -> str | Failure:
        trouble = self._of_pods(who, found)
        if isinstance(trouble, Failure):
            return trouble
        if "no controller" in status.reason and not trouble:
            return self._unseen(who, status, _NO_CONTROLLER.get(who.kind, ""))
        if status.state is State.FAILED and self._age(str(who), "failed") >= _SETTLE_SECONDS:
            return Failure(
                f"{who.title}: {'; '.join(filter(None, (status.reason, trouble)))}",
                _refused(status.reason, who),
            )
        return "; ".join(filter(None, (status.reason, trouble)))

    def _other(self, who: Identity, status: Status) -> str | Failure:
        if status.state is State.FAILED:
            return Failure(f"{who.title}: {status.reason}", _describe(who))
        if _UNKNOWN_KIND in status.reason and self._age(str(who), "kind") >= _SETTLE_SECONDS:
            return Failure(f"{who.title}: {status.reason}", _UNKNOWN_KIND_HINT)
        # Envoy Gateway tries again with each change: what is patched may be still to come.
        is_unfit = who.kind == "EnvoyPatchPolicy" and _UNFIT in status.reason
        if is_unfit and self._age(str(who), "unfit") >= _PATCH_SECONDS:
            return Failure(f"{who.title}: {status.reason}", _UNFIT_HINT)
        if "no controller" in status.reason:
            return self._unseen(who, status, _NO_GATEWAY_CONTROLLER)
        return status.reason

    def _unseen(self, who: Identity, status: Status, question: str) -> str:
        """Return that no controller has answered, and who it would be once that takes long."""
        if not question or self._age(str(who), "unseen") <= _NO_CONTROLLER_SECONDS:
            return status.reason
        return f"{status.reason}, for {_NO_CONTROLLER_SECONDS:g} s: {question}"

    def _gateway(self, who: Identity, status: Status) -> str | Failure:
        """Look at what a controller made of a Gateway too; it is programmed before that serves."""
        reason = "" if status.state is State.CURRENT else self._other(who, status)
        if isinstance(reason, Failure):
            return reason
        said = [reason]
        for made in self._made("apps", "Deployment", who):
            rollout = status_of(made)
            if rollout.state is State.CURRENT:
                continue
            trouble = self._workload(identity(made), made, rollout)
            if isinstance(trouble, Failure):
                return trouble._replace(message=f"{who.title}: {trouble.message}")
            said.append(f"{identity(made).title}: {trouble}")
        if reason:
            for made in filter(awaits_address, self._made("", "Service", who)):
                waits = self._balancer(who, made)
                if isinstance(waits, Failure):
                    return waits
                said = [waits]
        return "; ".join(filter(None, said))

    def _balancer(self, who: Identity, service: Document) -> str | Failure:
        """Return that a Service waits for its load balancer, and give up if nobody makes one."""
        metadata = service["metadata"]
        message = f"its Service {metadata['name']} waits for the address of a load balancer"
        seconds = self._age(str(who), "balancer")
        events = self._cluster.events(metadata["namespace"], metadata["uid"])
        if not lacks_balancer(service, events) or seconds < _NO_BALANCER_SECONDS:
            return message
        return Failure(
            f"{who.title}: {message}, and after {_NO_BALANCER_SECONDS:g} s nothing in the cluster "
            "has begun to make one",
            _BALANCER_HINT,
        )

    def _made(self, group: str, kind: str, gateway: Identity) -> list[Document]:
        """Return what a controller made of a Gateway; nothing where it may not be seen."""
        for place in gateways.places(gateway.namespace, gateway.name):
            found = self._seen(group, kind, place.namespace, place.selector)
            if found:
                return found
        return []

    def _of_pods(self, who: Identity, workload: Document) -> str | Failure:
        """Return what is wrong with the pods of a workload's newest revision."""
        said = ""
        pods = self._pods(who, workload)
        for pod in pods:
            metadata = pod["metadata"]
            events = self._cluster.events(who.namespace, metadata["uid"])
            trouble = None if is_ready(pod) else trouble_of_node(self._cluster, pod)
            trouble = trouble or trouble_of(pod, events)
            if trouble is None:
                if not said and not is_ready(pod):
                    said = f"pod {metadata['name']}: {why_not_ready(pod, events)}"
                continue
            message = f"pod {metadata['name']} {trouble.message}"
            if self._age(metadata["uid"], trouble.kind) >= trouble.patience:
                return Failure(
                    f"{who.title}: {self._more(message, trouble, pod)}",
                    trouble.hint,
                    self._log(pod, trouble),
                )
            said = message
        makers = [] if pods else [workload]
        if who.kind == worker_groups.KIND:
            again = self._made_again(who, workload)
            if again:
                return again
            # Its own events are of moments: it creates again what it could not.
            makers = worker_groups.lacking(self._list("apps", "StatefulSet", workload))
        elif not pods:
            said = self._ending(who, workload)
        for maker in makers:
            refusal = self._refusal(who, maker)
            if isinstance(refusal, Failure):
                return refusal
            said = refusal or said
        return said

    def _refusal(self, who: Identity, maker: Document) -> str | Failure:
        """Return why an object that is to make pods makes none; empty if it says nothing."""
        said = ""
        for event in self._cluster.events(who.namespace, maker["metadata"]["uid"]):
            if event.get("reason") == "FailedCreate":
                said = str(event.get("message"))
                if self._age(maker["metadata"]["uid"], "create") >= _SETTLE_SECONDS:
                    return Failure(f"{who.title} gets no pods: {said}", _refused(said, who))
        return said

    def _made_again(self, who: Identity, workload: Document) -> Failure | None:
        """Return that groups end again and again: their controller deletes pods that restart.

        No pod lives until it counts as one that crashes, so that what one says is kept.
        """
        for pod in self._list("", "Pod", workload):
            name = f"{who.namespace}/{pod['metadata']['name']}"
            self._pods_of.setdefault(name, set()).add(pod["metadata"]["uid"])
            crash = crash_of(pod)
            if crash and not self._crashes.get(who, _SILENT).detail:
                message = f"{who.title}: pod {pod['metadata']['name']} {crash.message}"
                self._crashes[who] = Failure(message, crash.hint, self._log(pod, crash))
            if len(self._pods_of[name]) > _MOST_TIMES_AGAIN:
                found = self._crashes.get(who) or Failure(f"{who.title}: its pods end", "")
                times = f"its group was made again {_MOST_TIMES_AGAIN} times"
                return found._replace(
                    message=f"{found.message}; {times}", hint=found.hint or _describe(who)
                )
        return None

    def _pods(self, who: Identity, workload: Document) -> list[Document]:
        """Return the pods of a workload's newest revision."""
        if who.kind == "Pod":
            return [workload]
        owner = workload["metadata"]["uid"]
        if who.kind == worker_groups.KIND:
            sets = self._list("apps", "StatefulSet", workload)
            pods = worker_groups.newest(self._list("", "Pod", workload), sets, who.name)
            return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        if who.kind == "Deployment":
            sets = [one for one in self._list("apps", "ReplicaSet", workload) if _is_of(one, owner)]
            if not sets:
                return []
            owner = max(sets, key=_revision)["metadata"]["uid"]
        return [
            pod
            for pod in self._list("", "Pod", workload)
            if _is_of(pod, owner) and "deletionTimestamp" not in pod["metadata"]
        ]

    def _ending(self, who: Identity, workload: Document) -> str:
        """Return which old pods the new ones wait for; empty if there are none."""
        old = [
            pod for pod in self._list("", "Pod", workload) if "deletionTimestamp" in pod["metadata"]
        ]
        if not old or who.kind != "Deployment":
            return ""
        seconds = max(pod["metadata"].get("deletionGracePeriodSeconds") or 0 for pod in old)
        return f"pod {old[0]['metadata']['name']} has {seconds} s to end first"

    def _list(self, group: str, kind: str, workload: Document) -> list[Document]:
        """Return what has the labels of a workload's pods; nothing where it may not be seen."""
        labels = worker_groups.pod_labels(workload)
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        namespace = workload["metadata"]["namespace"]
        return self._seen(group, kind, namespace, selector) if selector else []

    def _seen(self, group: str, kind: str, namespace: str, selector: str) -> list[Document]:
        try:
            resource = self._cluster.kinds.need(group, kind)
            return list(self._cluster.list(resource, namespace, selector=selector))
        except ApiError as error:
            if error.status != 403:
                raise
            return []

    def _more(self, message: str, trouble: Trouble, pod: Document) -> str:
        """Add what the pod itself does not know: what nodes have, what its volumes wait for."""
        found = [most_room(self._cluster, resource) for resource in trouble.lacking]
        if trouble.kind == "volume":
            found += [self._claim(pod["metadata"]["namespace"], name) for name in claims(pod)]
        return "; ".join([message, *filter(None, found)])

    def _claim(self, namespace: str, name: str) -> str:
        """Return what keeps a PersistentVolumeClaim from being bound."""
        claim = self._cluster.get(Identity("", "PersistentVolumeClaim", namespace, name))
        if claim is None:
            return f"there is no PersistentVolumeClaim {name}"
        status = status_of(claim)
        if status.state is State.CURRENT:
            return ""
        events = self._cluster.events(namespace, claim["metadata"]["uid"])
        return f"{name}: {status.reason}" + (f": {events[-1].get('message')}" if events else "")

    def _log(self, pod: Document, trouble: Trouble) -> str:
        if not trouble.container:
            return ""
        metadata = pod["metadata"]
        for previous in (True, False):
            try:
                text = self._cluster.logs(
                    metadata["namespace"],
                    metadata["name"],
                    trouble.container,
                    lines=_LOG_LINES,
                    previous=previous,
                )
            except ApiError:
                continue
            # The kubelet says so in a log's place when the container is gone.
            if text.strip() and not text.startswith("unable to retrieve container logs"):
                lines = [printable(line[:300]) for line in text.strip().splitlines()]
                return "\n".join(["its last words:", *lines[-_LOG_LINES:]])
        return ""

    def _age(self, *what: str) -> float:
        """Return for how long this has been seen; 0 the first time."""
        return self._now() - self._since.setdefault(what, self._now())


def printable(text: str) -> str:
    """Return a line of somebody's log without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _line(text: str) -> str:
    """Return what controllers and runtimes wrote, whatever it is, as one printable line."""
    return printable(" ".join(text.split()))


def _given_up(failed: dict[Identity, Failure]) -> GaieError:
    first, *others = dict.fromkeys(failed.values())
    more = [f"also {_line(failure.message)}" for failure in others]
    return GaieError(
        _line(first.message), hint=first.hint, detail="\n".join(filter(None, [first.detail, *more]))
    )


def _timed_out(pending: Sequence[Pending], seconds: float) -> TimedOut:
    first = pending[0].who
    lines = [f"{one.who.title} ({one.seconds:.0f} s): {one.reason}" for one in pending]
    count = "1 object is" if len(pending) == 1 else f"{len(pending)} objects are"
    return TimedOut(
        f"{count} not ready after {seconds:g} s",
        hint=f"{_describe(first)}; --timeout waits longer, and install again goes on from here",
        detail="\n".join(lines),
    )


def _gone(who: Identity) -> Failure:
    return Failure(
        f"{who.title} is gone: somebody deleted it", "see who else works in this namespace"
    )


def _describe(who: Identity) -> str:
    kind = f"{who.kind.lower()}.{who.group}" if who.group else who.kind.lower()
    place = f" -n {who.namespace}" if who.namespace else ""
    return f"kubectl describe {kind} {who.name}{place} says more"


def _refused(told: str, who: Identity) -> str:
    """Return what to do when pods are refused."""
    return hint_of(told, who.namespace) or _describe(who)


def _is_of(document: Document, uid: str) -> bool:
    owners = document["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)


def _revision(replica_set: Document) -> int:
    annotations = replica_set["metadata"].get("annotations") or {}
    text = str(annotations.get("deployment.kubernetes.io/revision", "0"))
    return int(text) if text.isdigit() else 0


_NO_GATEWAY_CONTROLLER = (
    "does the gateway's controller run, with the Inference Extension switched on?"
)
_NO_CONTROLLER = {worker_groups.KIND: "does lws-controller-manager run, in lws-system?"}
_UNKNOWN_KIND = "InvalidKind"  # a route's reason: its backends are of a kind that nobody serves
_UNKNOWN_KIND_HINT = (
    "the gateway's controller knows no InferencePools, or not these: gaiectl check --pre says what "
    "it needs"
)
_UNFIT = "it is not programmed"
_UNFIT_HINT = (
    "the patch fits nothing that this release of Envoy Gateway has made, or another policy or "
    "route has changed that; the profile eg-override needs no patches"
)
_BALANCER_HINT = (
    "--gateway-service ClusterIP (or NodePort) makes a Gateway that needs none; else install what "
    "makes load balancers, such as MetalLB"
)
