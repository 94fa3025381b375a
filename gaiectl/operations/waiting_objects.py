"""Objects that are waited for: why they are not ready, and whether they ever will be."""

from collections.abc import Callable

from gaiectl.cluster import gateways, worker_groups
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.gateways import awaits_address, lacks_balancer
from gaiectl.cluster.statuses import State, Status, is_workload, status_of
from gaiectl.documents import Document, Identity, identity
from gaiectl.operations.waiting_pods import PodLooks
from gaiectl.operations.waiting_words import SETTLE_SECONDS, Ages, Failure, describe, refused

_UNSEEN_SECONDS = 2.0
"""Statuses without ``observedGeneration`` may be of the object as it was."""
_NO_CONTROLLER_SECONDS = 30.0
_NO_BALANCER_SECONDS = 60.0
_PATCH_SECONDS = 30.0
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


class Looks:
    """Looks at objects and their pods, and remembers since when something is wrong.

    Args:
        cluster: where.
        now: seconds that never go back.
    """

    def __init__(self, cluster: Cluster, now: Callable[[], float]) -> None:
        self._cluster = cluster
        self._ages = Ages(cluster, now)
        self._pods = PodLooks(cluster, self._ages)

    def at(self, who: Identity) -> str | Failure:
        """Return why an object is not ready, empty if it is; a failure if it never will be."""
        self._ages.look_for_outages()
        found = self._cluster.get(who)
        if found is None:
            return (
                "it is not there"
                if self._ages.of(str(who), "gone") < SETTLE_SECONDS
                else _gone(who)
            )
        status = status_of(found)
        if (who.group, who.kind) == (gateways.GROUP, "Gateway"):
            return self._gateway(who, status)
        if status.state is State.CURRENT:
            if who.kind == worker_groups.KIND and self._ages.of(str(who), "seen") < _UNSEEN_SECONDS:
                return "its controller does not say whether it has seen the change yet"
            return ""
        if not is_workload(found):
            return self._other(who, status)
        return self._workload(who, found, status)

    def _workload(self, who: Identity, found: Document, status: Status) -> str | Failure:
        trouble = self._pods.at(who, found)
        if isinstance(trouble, Failure):
            return trouble
        if "no controller" in status.reason and not trouble:
            return self._unseen(who, status, _NO_CONTROLLER.get(who.kind, ""))
        if status.state is State.FAILED and self._ages.of(str(who), "failed") >= SETTLE_SECONDS:
            return Failure(
                f"{who.title}: {'; '.join(filter(None, (status.reason, trouble)))}",
                refused(status.reason, who),
            )
        return "; ".join(filter(None, (status.reason, trouble)))

    def _other(self, who: Identity, status: Status) -> str | Failure:
        if status.state is State.FAILED:
            return Failure(f"{who.title}: {status.reason}", describe(who))
        if _UNKNOWN_KIND in status.reason and self._ages.of(str(who), "kind") >= SETTLE_SECONDS:
            return Failure(f"{who.title}: {status.reason}", _UNKNOWN_KIND_HINT)
        # Envoy Gateway tries again with each change: what is patched may be still to come.
        is_unfit = who.kind == "EnvoyPatchPolicy" and _UNFIT in status.reason
        if is_unfit and self._ages.of(str(who), "unfit") >= _PATCH_SECONDS:
            return Failure(f"{who.title}: {status.reason}", _UNFIT_HINT)
        if "no controller" in status.reason:
            return self._unseen(who, status, _NO_GATEWAY_CONTROLLER)
        return status.reason

    def _unseen(self, who: Identity, status: Status, question: str) -> str:
        """Return that no controller has answered, and who it would be once that takes long."""
        if not question or self._ages.of(str(who), "unseen") <= _NO_CONTROLLER_SECONDS:
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
        seconds = self._ages.of(str(who), "balancer")
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
            found = self._pods.seen(group, kind, place.namespace, place.selector)
            if found:
                return found
        return []


def _gone(who: Identity) -> Failure:
    return Failure(
        f"{who.title} is gone: somebody deleted it", "see who else works in this namespace"
    )
