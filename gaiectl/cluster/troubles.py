"""What keeps a pod from running, read from its status and its events. Pure.

The words are the kubelet's and the scheduler's (Kubernetes 1.30 to 1.35); what they mean, and how
long it may last before it is worth giving up, is ours.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import inf
from typing import Any, NamedTuple

from gaiectl.cluster.room import shown
from gaiectl.documents import Document
from gaiectl.validation.rules import amount

_SCHEDULER_SECONDS = 15.0
"""kstatus' window: objects that were made together may miss each other for a moment."""
_SETTLE_SECONDS = 10.0
_MOST_CHARACTERS = 200
_IMAGE_TRIES = 2
_TOLD_TO_END = (137, 143)  # by SIGKILL, by SIGTERM
_CRASHES = 3

_PULLING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
_NO_IMAGE = (
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "SignatureValidationFailed",
)
_NO_START = ("RunContainerError", "CreateContainerError", "StartError", "PostStartHookError")
_TAINT = re.compile(r"untolerated taint \{([^}]*)\}")
_OF_NODES = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
"""Taints that Kubernetes itself gives to nodes and takes away: not ready, short of memory."""
_CORDONED = "node.kubernetes.io/unschedulable"
_MISSING_KEY = re.compile(r"couldn't find key (\S+) in (\w+) (\S+)")
_MISSING = re.compile(r'(secret|configmap) "([^"]+)" not found')


class Trouble(NamedTuple):
    """Something that stands in a pod's way.

    Attributes:
        kind: ``unschedulable``, ``image``, ``crash``, ``configuration``, ``start``, ``volume``,
            ``evicted``, ``node``.
        message: what it is, with names and values; continues "Deployment x: pod y ...".
        hint: what to do.
        patience: seconds after which it will not go away by itself; infinite if it may.
        container: whose last log lines help; empty for none.
        lacking: the resources that no node has enough of.
    """

    kind: str
    message: str
    hint: str
    patience: float = inf
    container: str = ""
    lacking: tuple[str, ...] = ()


def trouble_of(pod: Document, events: Sequence[Document]) -> Trouble | None:
    """Return what stands in a pod's way; None when nothing is known to.

    Args:
        pod: as it is in the cluster.
        events: those about it; none where they may not be read.
    """
    status = pod.get("status") or {}
    if status.get("reason") == "Evicted":
        node = (pod.get("spec") or {}).get("nodeName")
        told = _short(str(status.get("message") or "it lacked room"))
        return Trouble("evicted", f"was evicted from node {node}: {told}", NODE_HINT)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _unschedulable(pod, condition, events)
    images = {
        container.get("name"): container.get("image")
        for field in ("initContainers", "containers")
        for container in (pod.get("spec") or {}).get(field) or ()
    }
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(field) or ():
            found = _of_container(pod, container, str(images.get(container.get("name"))), events)
            if found:
                return found
    return _volume(pod, events)


def why_not_ready(pod: Document, events: Sequence[Document] = ()) -> str:
    """Return why a pod is not ready, in a line: what stands in its way, or how far it has come.

    Args:
        pod: as it is in the cluster.
        events: those about it; none where they may not be read.
    """
    if "deletionTimestamp" in pod["metadata"]:
        return "it is being deleted"
    if trouble := trouble_of(pod, events):
        return trouble.message
    if probes := [event for event in events if event.get("reason") == "Unhealthy"]:
        return _short(str(probes[-1].get("message")), _MOST_CHARACTERS)
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        held = state.get("waiting") or state.get("terminated")
        if held:
            told = [held.get("reason"), held.get("message")]
            return f"container {container['name']}: {', '.join(filter(None, told))}"
    for condition in status.get("conditions") or ():
        if condition.get("status") != "True" and condition.get("message"):
            return str(condition["message"])
    return f"its phase is {status.get('phase')}"


def crash_of(pod: Document) -> Trouble | None:
    """Return which container of a pod ended by itself, of one that is being deleted too."""
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        for field in ("lastState", "state"):
            ended = (container.get(field) or {}).get("terminated") or {}
            is_told = ended.get("exitCode") in _TOLD_TO_END and ended.get("reason") != "OOMKilled"
            if not ended.get("exitCode") or (is_told and field == "state"):
                continue
            name = str(container.get("name"))
            hint = _OOM_HINT if ended.get("reason") == "OOMKilled" else _CRASH_HINT
            return Trouble("crash", f"container {name} ended with {_ending(ended)}", hint, 0, name)
    return None


def requests(pod: Document) -> dict[str, Decimal]:
    """Return what the containers of a pod ask a node for, by resource."""
    found: dict[str, Decimal] = {}
    for container in (pod.get("spec") or {}).get("containers") or ():
        for resource, asked in ((container.get("resources") or {}).get("requests") or {}).items():
            found[resource] = found.get(resource, Decimal(0)) + amount(asked)
    return found


def claims(pod: Document) -> list[str]:
    """Return the names of the PersistentVolumeClaims that a pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [
        str(volume["persistentVolumeClaim"].get("claimName"))
        for volume in volumes
        if volume.get("persistentVolumeClaim")
    ]


def lacking(message: str) -> list[str]:
    """Return the resources that the scheduler says are ``Insufficient``."""
    return list(dict.fromkeys(re.findall(r"Insufficient ([^\s,.;]+(?:\.[^\s,.;]+)*)", message)))


def _unschedulable(
    pod: Document, condition: Mapping[str, Any], events: Sequence[Document]
) -> Trouble:
    # The scheduler appends what claims to free and pods to evict would have brought: nothing.
    told = str(condition.get("message") or condition.get("reason")).partition(". ")[0]
    if "persistentvolumeclaim" in told.lower():
        return Trouble(
            "volume",
            f"waits for its volumes: {', '.join(claims(pod))}",
            "name a storage class that the cluster has: kubectl get storageclass",
            _SCHEDULER_SECONDS,
        )
    asked = requests(pod)
    wanted = [f"{shown(asked[name], name)} {name}" for name in lacking(told) if name in asked]
    need = f"it asks for {' and '.join(wanted)}; " if wanted else ""
    is_growing = any(event.get("reason") == "TriggeredScaleUp" for event in events)
    hint, passes = _of_taints(told)
    return Trouble(
        "unschedulable",
        f"fits on no node: {need}{told.rstrip('.')}",
        hint or _ROOM_HINT,
        inf if is_growing or passes else _SCHEDULER_SECONDS,
        lacking=tuple(lacking(told)),
    )


def _of_taints(told: str) -> tuple[str, bool]:
    """Return what to do about taints that the scheduler names, and whether they may go."""
    taints = [taint.partition(":")[0].strip() for taint in _TAINT.findall(told)]
    passing = [one for one in taints if one.startswith(_OF_NODES) and one != _CORDONED]
    if passing:
        return NODE_HINT, True
    if _CORDONED in taints or "were unschedulable" in told:
        return "let pods onto the node again: kubectl uncordon", False
    if taints and not lacking(told):
        named = ", ".join(dict.fromkeys(taints))
        return (
            f"tolerate {named}: tolerations of the pod in values; or add a node without it",
            False,
        )
    return "", False


def _of_container(
    pod: Document, container: Mapping[str, Any], image: str, events: Sequence[Document]
) -> Trouble | None:
    name = str(container.get("name"))
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, told = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _NO_IMAGE:
        return Trouble("image", f"cannot use image {image}: {told or reason}", _IMAGE_HINT, 0)
    if reason in _PULLING:
        return _image(image, told, events)
    if reason == "CreateContainerConfigError":
        return Trouble(
            "configuration",
            f"container {name} lacks {_what_is_missing(told) or told}",
            f"create it in namespace {pod['metadata'].get('namespace')}, then run install again",
            _SETTLE_SECONDS,
        )
    if reason in _NO_START:
        return Trouble("start", f"container {name} does not start: {told}", _START_HINT, 0)
    last = (container.get("lastState") or {}).get("terminated") or {}
    restarts = container.get("restartCount") or 0
    if last and restarts and not container.get("ready"):
        again = "again" if restarts == 1 else f"{restarts} times"
        return Trouble(
            "crash",
            f"container {name} ended with {_ending(last)}, restarted {again}",
            _OOM_HINT if last.get("reason") == "OOMKilled" else _CRASH_HINT,
            0 if restarts >= _CRASHES else inf,
            name,
        )
    return None


def _image(image: str, told: str, events: Sequence[Document]) -> Trouble:
    failed = [e for e in events if "ailed to pull image" in str(e.get("message"))]
    tries = sum(_count(event) for event in failed)
    # The kubelet's ImagePullBackOff says less than the pull that failed.
    why = str(failed[-1].get("message")) if failed else told
    return Trouble(
        "image",
        f"cannot pull image {image}: {_end(why)}",
        _IMAGE_HINT,
        0 if tries >= _IMAGE_TRIES else _SCHEDULER_SECONDS + _SETTLE_SECONDS,
    )


def _volume(pod: Document, events: Sequence[Document]) -> Trouble | None:
    if (pod.get("status") or {}).get("phase") != "Pending":
        return None
    for event in reversed(events):
        if event.get("reason") in ("FailedMount", "FailedAttachVolume"):
            told = str(event.get("message"))
            return Trouble(
                "volume",
                f"cannot mount a volume: {_what_is_missing(told) or _short(told)}",
                f"create what is missing in namespace {pod['metadata'].get('namespace')}",
                _SETTLE_SECONDS if _what_is_missing(told) and _count(event) > 1 else inf,
            )
        if event.get("reason") == "FailedCreatePodSandBox":
            return Trouble(
                "start", f"gets no sandbox: {_short(str(event.get('message')))}", NODE_HINT
            )
    return None


def _what_is_missing(told: str) -> str:
    """Return the Secret or ConfigMap, and its key, that the kubelet does not find."""
    if found := _MISSING_KEY.search(told):
        return f"key {found[1]} of {found[2]} {found[3].rpartition('/')[2]}"
    if found := _MISSING.search(told):
        kind = {"secret": "Secret", "configmap": "ConfigMap"}[found[1]]
        return f"{kind} {found[2].rpartition('/')[2]}"
    return ""


def _ending(ended: Mapping[str, Any]) -> str:
    code = f"exit code {ended.get('exitCode')}"
    reason = str(ended.get("reason") or "")
    return code if reason in ("", "Error", "Completed") else f"{code} ({reason})"


def _count(event: Document) -> int:
    series = event.get("series") or {}
    for found in (event.get("count"), series.get("count")):
        if isinstance(found, int) and found:
            return found
    return 1


def _end(text: str) -> str:
    """Return the end of a chain of causes: each program on the way has put its own words first."""
    causes = [cause for cause in " ".join(text.split()).split(": ") if cause]
    return _short(": ".join(causes[-3:]), 200)


def _short(text: str, width: int = 300) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else f"{flat[: width - 3]}..."


_ROOM_HINT = (
    "add a node with room, or ask for less: the model server's resources, replicas; an EPP that is "
    "updated needs none with --set inferenceExtension.strategy.type=Recreate, but leaves a gap"
)
_IMAGE_HINT = (
    "gaiectl image load brings an image to the nodes; --registry and values name a mirror; a "
    "private registry needs imagePullSecrets"
)
_START_HINT = "correct its command or its volumes; see what the image holds"
_CRASH_HINT = "correct what its log complains of, then run install again"
_OOM_HINT = "give it more memory: its resources.limits.memory"
NODE_HINT = "see what is wrong with the node: kubectl describe node"
