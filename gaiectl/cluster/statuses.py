"""Whether an object is what was asked for: the rules of kstatus (sigs.k8s.io/cli-utils). Pure.

Where kstatus takes an object without conditions for done, we do not: a Gateway, a route or a pool
that no controller has looked at yet serves nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from gaiectl.documents import Document


class State(StrEnum):
    """How far an object is; the words are those of kstatus."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"


class Status(NamedTuple):
    """What an object's own status says.

    Attributes:
        state: how far it is.
        reason: why it is not there yet, as it is said to users; empty when it is.
    """

    state: State
    reason: str = ""


_CURRENT = Status(State.CURRENT)
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "LeaderWorkerSet")
_LEADER_FLAG = "--ha-enable-leader-election"


def is_workload(document: Document) -> bool:
    """Tell whether it runs pods."""
    return document.get("kind") in _WORKLOADS


def status_of(document: Document) -> Status:
    """Return how far an object is that was read from a cluster; it may hold anything."""
    metadata = _map(document, "metadata")
    if metadata.get("deletionTimestamp"):
        held = ", ".join(map(str, metadata.get("finalizers") or ()))
        return Status(State.TERMINATING, f"is being deleted; held by {held or 'nothing'}")
    status = _map(document, "status")
    seen = status.get("observedGeneration")
    if isinstance(seen, int) and seen < _number(metadata, "generation"):
        return _waiting("no controller has seen the change yet")
    for name, state in (("Stalled", State.FAILED), ("Reconciling", State.IN_PROGRESS)):
        condition = _conditions(status).get(name)
        if condition and condition.get("status") == "True":
            return Status(state, _words(condition))
    rule = _RULES.get((_group(document), str(document.get("kind"))), _any_kind)
    return rule(document)


def _deployment(document: Document) -> Status:
    spec, status = _map(document, "spec"), _map(document, "status")
    conditions = _conditions(status)
    wanted = _number(spec, "replicas", 1)
    updated, available = _number(status, "updatedReplicas"), _number(status, "availableReplicas")
    # Of pods that elect a leader, the others are not ready, so that no Service sends them requests.
    enough = min(wanted, 1) if elects_leader(document) else wanted
    failure = conditions.get("ReplicaFailure", {})
    if failure.get("status") == "True":
        return Status(State.FAILED, _words(failure))
    if "observedGeneration" not in status:
        return _waiting("no controller has seen it yet")
    is_rolled = updated >= wanted and _number(status, "replicas") <= updated
    progressing = conditions.get("Progressing", {})
    is_enough = is_rolled and available >= enough
    if progressing.get("reason") == "ProgressDeadlineExceeded" and not is_enough:
        return Status(State.FAILED, _words(progressing))
    if updated < wanted:
        return _waiting(f"{updated} of {wanted} pods are of the new revision")
    if not is_rolled:
        return _waiting(f"{_number(status, 'replicas') - updated} old pods are still there")
    return _CURRENT if is_enough else _waiting(f"{available} of {enough} pods are available")


def _stateful_set(document: Document) -> Status:
    spec, status = _map(document, "spec"), _map(document, "status")
    if "observedGeneration" not in status:
        return _waiting("no controller has seen it yet")
    wanted, ready = _number(spec, "replicas", 1), _number(status, "readyReplicas")
    if ready < wanted:
        return _waiting(f"{ready} of {wanted} pods are ready")
    strategy = _map(spec, "updateStrategy")
    if strategy.get("type") == "OnDelete":
        return _CURRENT
    updating = wanted - _number(_map(strategy, "rollingUpdate"), "partition")
    updated = _number(status, "updatedReplicas")
    is_rolled = status.get("currentRevision") == status.get("updateRevision")
    if is_rolled or updated >= max(updating, 1):
        return _CURRENT
    return _waiting(f"{updated} of {updating} pods are of the new revision")


def _daemon_set(document: Document) -> Status:
    status = _map(document, "status")
    if "observedGeneration" not in status:
        return _waiting("no controller has seen it yet")
    wanted = _number(status, "desiredNumberScheduled")
    for field, words in (
        ("updatedNumberScheduled", "of the new revision"),
        ("numberAvailable", "available"),
    ):
        if _number(status, field) < wanted:
            return _waiting(f"{_number(status, field)} of {wanted} pods are {words}")
    return _CURRENT


def _groups(document: Document) -> Status:
    spec, status = _map(document, "spec"), _map(document, "status")
    conditions = _conditions(status)
    if not conditions:
        return _waiting("no controller has seen it yet")
    wanted = _number(spec, "replicas", 1)
    for field, words in (("updatedReplicas", "of the new revision"), ("readyReplicas", "ready")):
        if _number(status, field) < wanted:
            return _waiting(f"{_number(status, field)} of {wanted} groups are {words}")
    available = conditions.get("Available", {})
    if available.get("status") == "True":
        return _CURRENT
    return _waiting(_words(available) or "its groups are not available yet")


def _job(document: Document) -> Status:
    status = _map(document, "status")
    failed = _conditions(status).get("Failed", {})
    if failed.get("status") == "True":
        return Status(State.FAILED, _words(failed))
    return _CURRENT if status.get("startTime") else _waiting("it has not been started")


def _pod(document: Document) -> Status:
    status = _map(document, "status")
    phase = status.get("phase")
    if phase in ("Succeeded", "Failed"):
        return _CURRENT if phase == "Succeeded" else Status(State.FAILED, "its containers failed")
    ready = _conditions(status).get("Ready", {})
    return _CURRENT if ready.get("status") == "True" else _waiting(_words(ready) or "is not ready")


def _claim(document: Document) -> Status:
    status, spec = _map(document, "status"), _map(document, "spec")
    if status.get("phase") == "Bound":
        return _CURRENT
    by = f"of class {spec['storageClassName']}" if spec.get("storageClassName") else "of no class"
    return _waiting(f"no volume {by} is bound to it")


def _service(document: Document) -> Status:
    if _map(document, "spec").get("type") != "LoadBalancer":
        return _CURRENT
    balancer = _map(_map(document, "status"), "loadBalancer")
    return _CURRENT if balancer.get("ingress") else _waiting("it has no address yet")


def _definition(document: Document) -> Status:
    conditions = _conditions(_map(document, "status"))
    names = conditions.get("NamesAccepted", {})
    if names.get("status") == "False":
        return Status(State.FAILED, _words(names))
    if conditions.get("Established", {}).get("status") == "True":
        return _CURRENT
    return _waiting("it is not established yet")


def _gateway(document: Document) -> Status:
    status = _map(document, "status")
    found = _judged(document, _list(status, "conditions"), ("Accepted", "Programmed"))
    if found.state is not State.CURRENT:
        return found
    for listener in _list(status, "listeners"):
        resolved = _conditions(listener).get("ResolvedRefs", {})
        if resolved.get("status") == "False":
            return _waiting(f"listener {listener.get('name')}: {_words(resolved)}")
    return _CURRENT if status.get("addresses") else _waiting("it has no address yet")


def _route(document: Document) -> Status:
    own = _map(document, "metadata").get("namespace")
    for parent in _list(_map(document, "spec"), "parentRefs"):
        where = (parent.get("name"), parent.get("namespace") or own)
        told = [
            entry
            for entry in _list(_map(document, "status"), "parents")
            if (ref := _map(entry, "parentRef")).get("name") == where[0]
            and (ref.get("namespace") or own) == where[1]
        ]
        found = _any_of(document, told)
        if found.state is not State.CURRENT:
            return Status(found.state, f"Gateway {where[0]}: {found.reason}")
    return _CURRENT


def _pool(document: Document) -> Status:
    return _any_of(document, _list(_map(document, "status"), "parents"))


def _policy(document: Document) -> Status:
    """Judge a policy of Envoy Gateway, which says of each Gateway it is for what became of it."""
    patched = ("Programmed",) if document.get("kind") == "EnvoyPatchPolicy" else ()
    told = _list(_map(document, "status"), "ancestors")
    return _any_of(document, told, ("Accepted", *patched))


def _backend(document: Document) -> Status:
    return _judged(document, _list(_map(document, "status"), "conditions"), ("Accepted",))


_ENVOY_GATEWAY = "gateway.envoyproxy.io"

_RULES: Mapping[tuple[str, str], Callable[[Document], Status]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"): _groups,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("gateway.networking.k8s.io", "Gateway"): _gateway,
    ("gateway.networking.k8s.io", "HTTPRoute"): _route,
    ("inference.networking.k8s.io", "InferencePool"): _pool,
    (_ENVOY_GATEWAY, "Backend"): _backend,
    **dict.fromkeys(
        (
            (_ENVOY_GATEWAY, kind)
            for kind in (
                *("BackendTrafficPolicy", "ClientTrafficPolicy"),
                *("EnvoyExtensionPolicy", "EnvoyPatchPolicy"),
            )
        ),
        _policy,
    ),
}


def _any_kind(document: Document) -> Status:
    ready = _conditions(_map(document, "status")).get("Ready", {})
    return _waiting(_words(ready)) if ready.get("status") == "False" else _CURRENT


def _any_of(
    document: Document,
    parents: Iterable[Mapping[str, Any]],
    names: Iterable[str] = ("Accepted", "ResolvedRefs"),
) -> Status:
    """Return the best of what several controllers say; entries may be of some that are gone."""
    found = _waiting("no controller has answered for it yet")
    for entry in parents:
        found = _judged(document, _list(entry, "conditions"), names)
        if found.state is State.CURRENT:
            return found
    return found


def _judged(
    document: Document, conditions: Iterable[Mapping[str, Any]], names: Iterable[str]
) -> Status:
    """Return whether the conditions of these names are true of the object as it is now."""
    generation = _number(_map(document, "metadata"), "generation")
    told = {str(one.get("type")): one for one in conditions}
    for name in names:
        condition = told.get(name)
        if condition is None:
            return _waiting(f"no controller has said yet whether it is {_NAMED[name]}")
        seen = condition.get("observedGeneration")
        if isinstance(seen, int) and seen < generation:
            return _waiting("no controller has seen the change yet")
        if condition.get("status") != "True":
            return _waiting(f"it is not {_NAMED[name]}: {_words(condition)}")
    return _CURRENT


_NAMED = {"Accepted": "accepted", "Programmed": "programmed", "ResolvedRefs": "resolved"}


def elects_leader(workload: Document) -> bool:
    """Tell whether only one of its pods is to be ready: an EPP that elects a leader."""
    containers = _list(_map(_map(_map(workload, "spec"), "template"), "spec"), "containers")
    words = [
        str(word)
        for container in containers
        for field in ("command", "args")
        for word in container.get(field) or ()
    ]
    flags = [word for word in words if word.lstrip("-").startswith(_LEADER_FLAG.lstrip("-"))]
    return bool(flags) and not flags[-1].lower().endswith("=false")


def _waiting(reason: str) -> Status:
    return Status(State.IN_PROGRESS, reason)


def _words(condition: Mapping[str, Any]) -> str:
    told = (condition.get("reason"), condition.get("message"))
    return ": ".join(str(text).strip() for text in told if text)


def _group(document: Document) -> str:
    return str(document.get("apiVersion", "")).rpartition("/")[0]


def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(one.get("type")): one for one in _list(status, "conditions")}


def _map(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = document.get(field)
    return found if isinstance(found, dict) else {}


def _list(document: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    found = document.get(field)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(document: Mapping[str, Any], field: str, default: int = 0) -> int:
    found = document.get(field)
    return found if isinstance(found, int) else default
