"""The pods of a stack: which they are, what they do in it, and how they are."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gaiectl.cluster import gateways, worker_groups
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.nodes import trouble_of_node
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.troubles import trouble_of, why_not_ready
from gaiectl.documents import Document

EPP, MODEL, PROXY = COMPONENTS = ("epp", "model", "proxy")
"""What a pod does: picks endpoints, serves a model, or carries requests."""

_PROXY_CONTAINERS = re.compile("envoy|agentgateway|proxy")


class Pod(NamedTuple):
    """A pod of a stack.

    Attributes:
        name: of the pod.
        namespace: of the pod.
        component: one of ``COMPONENTS``.
        state: as kubectl writes it: ``Running``, ``ImagePullBackOff``, ``Terminating``.
        ready: how many of its containers are.
        containers: how many it has.
        restarts: of all its containers.
        created: RFC 3339.
        is_ready: it is sent requests.
        message: what stands in its way, if it is not ready, or why it was restarted.
        hint: what to do about that; may be empty.
        document: the pod itself.
    """

    name: str
    namespace: str
    component: str
    state: str
    ready: int
    containers: int
    restarts: int
    created: str
    is_ready: bool
    message: str
    hint: str
    document: Document

    @property
    def is_ending(self) -> bool:
        """Whether it is being deleted."""
        return "deletionTimestamp" in self.document["metadata"]


def find(cluster: Cluster, members: Sequence[Document]) -> list[Pod]:
    """Return the pods of a stack, by what they do and by name.

    Args:
        cluster: where they run.
        members: the objects of the stack, as they are in the cluster.

    Raises:
        GaieError: the cluster refuses to tell.
    """
    found: dict[str, Pod] = {}
    for namespace, selector, component in _selectors(members):
        for document in _selected(cluster, namespace, selector):
            found.setdefault(document["metadata"]["uid"], _pod(cluster, document, component))
    return sorted(found.values(), key=lambda one: (COMPONENTS.index(one.component), one.name))


def component_of(container: str, pod: Pod) -> str:
    """Return what a container of a pod does: a sidecar may carry requests."""
    return PROXY if _PROXY_CONTAINERS.search(container) else pod.component


def _selected(cluster: Cluster, namespace: str, selector: str) -> list[Document]:
    try:
        kind = cluster.kinds.need("", "Pod")
        return list(cluster.list(kind, namespace, selector=selector))
    except ApiError as error:
        if error.status != 403 or namespace != gateways.ENVOY_GATEWAY:
            raise
        return []  # what is in a controller's namespace is not for every user to see


def _selectors(members: Iterable[Document]) -> Iterator[tuple[str, str, str]]:
    """Yield namespaces and label selectors of pods, and what these do."""
    for member in members:
        metadata, spec = member["metadata"], _map(member, "spec")
        namespace = metadata.get("namespace", "")
        labels = _map(_map(spec, "selector"), "matchLabels")
        containers = _map(_map(spec, "template"), "spec").get("containers")
        if containers and labels:
            names = [one.get("name") for one in containers]
            yield namespace, _joined(labels), EPP if EPP in names else MODEL
        elif member["kind"] == worker_groups.KIND:
            yield namespace, _joined(worker_groups.pod_labels(member)), MODEL
        elif member["kind"] == "InferencePool":
            yield namespace, _joined(labels or _map(spec, "selector")), MODEL
        elif member["kind"] == "Gateway":
            for place in gateways.places(namespace, metadata["name"]):
                yield place.namespace, place.selector, PROXY


def _joined(labels: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _pod(cluster: Cluster, document: Document, component: str) -> Pod:
    metadata, status = document["metadata"], _map(document, "status")
    statuses = [one for one in status.get("containerStatuses") or () if isinstance(one, dict)]
    ready = is_ready(document)
    restarts = sum(int(one.get("restartCount") or 0) for one in statuses)
    message, hint = _ended_before(statuses), ""
    if not ready:
        message, hint = _trouble(cluster, document)
    return Pod(
        name=metadata["name"],
        namespace=metadata["namespace"],
        component=component,
        state=_state(metadata, status, statuses),
        ready=sum(bool(one.get("ready")) for one in statuses),
        containers=len(_map(document, "spec").get("containers") or ()),
        restarts=restarts,
        created=str(metadata.get("creationTimestamp", "")),
        is_ready=ready,
        message=message,
        hint=hint,
        document=document,
    )


def _trouble(cluster: Cluster, pod: Document) -> tuple[str, str]:
    """Return what stands in a pod's way, and what to do about it if that is known."""
    if "deletionTimestamp" in pod["metadata"]:
        return why_not_ready(pod), ""
    events = cluster.events(pod["metadata"]["namespace"], pod["metadata"]["uid"])
    trouble = trouble_of_node(cluster, pod) or trouble_of(pod, events)
    return (trouble.message, trouble.hint) if trouble else (why_not_ready(pod), "")


def _state(
    metadata: Mapping[str, Any], status: Mapping[str, Any], statuses: Iterable[Mapping[str, Any]]
) -> str:
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    initial = [one for one in status.get("initContainerStatuses") or () if isinstance(one, dict)]
    for one in (*initial, *statuses):
        state = _map(one, "state")
        held = _map(state, "waiting") or _map(state, "terminated")
        reason = str(held.get("reason") or "")
        if reason and reason not in ("Completed", "PodInitializing", "ContainerCreating"):
            return reason
    return str(status.get("phase") or "Unknown")


def _ended_before(statuses: Iterable[Mapping[str, Any]]) -> str:
    """Return why the last restart was, of the containers that run again."""
    for one in statuses:
        ended = _map(_map(one, "lastState"), "terminated")
        if ended and one.get("restartCount"):
            how = f"{ended.get('reason') or 'ended'} (exit code {ended.get('exitCode')})"
            return f"container {one.get('name')} was restarted: {how}{_at(ended)}"
    return ""


def _at(ended: Mapping[str, Any]) -> str:
    try:
        moment = dt.datetime.fromisoformat(str(ended.get("finishedAt")))
    except ValueError:
        return ""
    return f" at {moment:%Y-%m-%d %H:%M:%S} UTC"


def _map(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = document.get(field)
    return found if isinstance(found, dict) else {}
