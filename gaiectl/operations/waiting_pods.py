"""Pods of workloads that are waited for: what stands in their way, and for how long it may."""

from gaiectl.cluster import worker_groups
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.nodes import trouble_of_node
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.room import most_room
from gaiectl.cluster.statuses import State, status_of
from gaiectl.cluster.troubles import Trouble, claims, crash_of, trouble_of, why_not_ready
from gaiectl.documents import Document, Identity
from gaiectl.operations.waiting_words import (
    SETTLE_SECONDS,
    Ages,
    Failure,
    describe,
    printable,
    refused,
)

_MOST_TIMES_AGAIN = 3
_LOG_LINES = 10
_SILENT = Failure("", "")


class PodLooks:
    """Looks at pods.

    Args:
        cluster: where.
        ages: remembers since when something is wrong.
    """

    def __init__(self, cluster: Cluster, ages: Ages) -> None:
        self._cluster = cluster
        self._ages = ages
        self._pods_of: dict[str, set[str]] = {}
        self._crashes: dict[Identity, Failure] = {}

    def at(self, who: Identity, workload: Document) -> str | Failure:
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
            if self._ages.of(metadata["uid"], trouble.kind) >= trouble.patience:
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
                if self._ages.of(maker["metadata"]["uid"], "create") >= SETTLE_SECONDS:
                    return Failure(f"{who.title} gets no pods: {said}", refused(said, who))
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
                    message=f"{found.message}; {times}", hint=found.hint or describe(who)
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
        return self.seen(group, kind, namespace, selector) if selector else []

    def seen(self, group: str, kind: str, namespace: str, selector: str) -> list[Document]:
        """Return objects; nothing where they may not be seen."""
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


def _is_of(document: Document, uid: str) -> bool:
    owners = document["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)


def _revision(replica_set: Document) -> int:
    annotations = replica_set["metadata"].get("annotations") or {}
    text = str(annotations.get("deployment.kubernetes.io/revision", "0"))
    return int(text) if text.isdigit() else 0
