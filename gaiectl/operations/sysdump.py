"""All that helps to find out why a stack does not work, in one archive, without its secrets.

Every part is had by itself: what cannot be had is a line in ``errors.txt``, and ends nothing.
"""

import io
import json
import os
import re
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet
from gaiectl.cluster.tokens import token_of_pod
from gaiectl.documents import Document, dump, identity
from gaiectl.errors import GaieError
from gaiectl.operations import pod_pages, redaction, stack_pods
from gaiectl.operations.epp_pods import metrics_port
from gaiectl.operations.pod_pages import NotShown
from gaiectl.operations.stack_pods import EPP, MODEL, Pod
from gaiectl.operations.which import name_of, seen

_AT_ONCE = 6
_MOST_LOG_BYTES = 16 << 20
_MOST_MODEL_PODS = 8
_ADMIN_PORTS = (19000, 15000)
"""Envoy's administration: of our charts and of Envoy Gateway; of Istio and of agentgateway."""

_AROUND = (
    ("apps", "ReplicaSet"),
    ("", "Pod"),
    ("", "Service"),
    ("", "PersistentVolumeClaim"),
    ("", "ResourceQuota"),
    ("", "LimitRange"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("coordination.k8s.io", "Lease"),
    ("inference.networking.k8s.io", "InferencePool"),
    ("inference.networking.x-k8s.io", "InferenceObjective"),
    ("inference.networking.x-k8s.io", "InferenceModelRewrite"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "HTTPRoute"),
)
"""Kinds of objects beside a stack's own, in its namespaces, that decide how it works."""


class Part(NamedTuple):
    """A file of the archive that is to be.

    Attributes:
        name: its path in the archive.
        make: returns what it holds; raises GaieError when that cannot be had.
    """

    name: str
    make: Callable[[], bytes]


class Limits(NamedTuple):
    """How much is collected.

    Attributes:
        lines: of each log, the last ones.
        seconds: after that nothing more is begun.
    """

    lines: int = 2000
    seconds: float = 120.0


class Made(NamedTuple):
    """An archive.

    Attributes:
        path: where it is.
        size: in bytes.
        files: how many it holds.
        missing: name and reason of each part that could not be had.
    """

    path: Path
    size: int
    files: int
    missing: Sequence[tuple[str, str]]


def sysdump(
    cluster: Cluster,
    stack: ApplySet,
    path: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    checks: Callable[[], Mapping[str, Any]] | None = None,
    doing: Callable[[str], object] = lambda _: None,
) -> Made:
    """Collect all there is to know of a stack, and write it where only its owner may read it.

    Args:
        cluster: where the stack is.
        stack: its inventory.
        path: of the archive; it must not exist.
        limits: how much is collected.
        checks: returns a report of the checks of the stack.
        doing: is told what goes on.

    Raises:
        OSError: the archive cannot be written.
    """
    end = time.monotonic() + limits.seconds
    files: dict[str, bytes] = {}
    missing: list[tuple[str, str]] = []

    def have(part: Part) -> tuple[str, bytes | str]:
        if time.monotonic() > end:
            return part.name, f"not begun: the {limits.seconds:g} s were over"
        doing(part.name)
        try:
            return part.name, part.make()
        except GaieError as error:
            return part.name, error.message
        except Exception as error:  # noqa: BLE001 - whatever one part has, the others are needed
            return part.name, f"{type(error).__name__}: {error}"

    def take(parts: Sequence[Part]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for name, found in pool.map(have, parts):
                if isinstance(found, bytes):
                    files[name] = found
                else:
                    missing.append((name, " ".join(redaction.text(found).split())))

    doing("looking at the stack")
    members, pods = _stack(cluster, stack, missing)
    take(
        [
            *_facts(cluster, stack, members, pods),
            *_logs(cluster, pods, limits),
            *_pages(cluster, pods),
        ]
    )
    if checks is not None:
        take([Part("checks.json", lambda: _json(checks()))])
    lines = [f"{name}: {why}\n" for name, why in missing]
    files["errors.txt"] = "".join(lines).encode()
    _write(path, files)
    return Made(path, path.stat().st_size, len(files), missing)


def _stack(
    cluster: Cluster, stack: ApplySet, missing: list[tuple[str, str]]
) -> tuple[list[Document], list[Pod]]:
    members: list[Document] = []
    try:
        found, unseen = seen(cluster, stack)
        members += found
        missing += [("objects", str(one)) for one in unseen]
        return members, stack_pods.find(cluster, members)
    except GaieError as error:
        missing.append(("pods", error.message))
        return members, []


def _facts(
    cluster: Cluster, stack: ApplySet, members: Sequence[Document], pods: Sequence[Pod]
) -> Iterator[Part]:
    yield Part("versions.json", lambda: _json(_versions(cluster, stack)))
    yield Part("nodes.json", lambda: _json(_nodes(cluster)))
    yield Part("objects/inventory.yaml", lambda: _yaml([cluster.get(stack.parent) or {}]))
    for document in members:
        yield Part(_place(document), lambda document=document: _yaml([document]))  # type: ignore[misc] # mypy sees no type of a default
    namespaces = sorted({stack.parent.namespace, *stack.namespaces, *(p.namespace for p in pods)})
    for namespace in namespaces:
        yield Part(
            f"namespaces/{namespace}/events.txt",
            lambda namespace=namespace: _events(cluster, namespace),  # type: ignore[misc] # see above
        )
        for group, kind in _AROUND:
            if cluster.kinds.find(group, kind) is not None:
                yield Part(
                    f"namespaces/{namespace}/{kind}.yaml",
                    lambda kind=kind, group=group, namespace=namespace: _yaml(  # type: ignore[misc] # see above
                        cluster.list(cluster.kinds.need(group, kind), namespace)
                    ),
                )


def _logs(cluster: Cluster, pods: Sequence[Pod], limits: Limits) -> Iterator[Part]:
    for pod in pods:
        status = pod.document.get("status") or {}
        for one in (
            *(status.get("initContainerStatuses") or ()),
            *(status.get("containerStatuses") or ()),
        ):
            for is_previous in (False, True) if one.get("restartCount") else (False,):
                suffix = ".previous" if is_previous else ""
                yield Part(
                    f"logs/{pod.component}/{pod.name}/{one['name']}{suffix}.log",
                    lambda pod=pod, name=one["name"], previous=is_previous: _log(  # type: ignore[misc] # see above
                        cluster, pod, name, lines=limits.lines, previous=previous
                    ),
                )


def _pages(cluster: Cluster, pods: Sequence[Pod]) -> Iterator[Part]:
    """Yield what running pods show by HTTP: metrics, and what they know of themselves."""
    running = [pod for pod in pods if (pod.document.get("status") or {}).get("phase") == "Running"]
    models = [pod for pod in running if pod.component == MODEL][:_MOST_MODEL_PODS]
    for pod in running:
        names = [str(one.get("name")) for one in pod.document["spec"].get("containers") or ()]
        if pod.component == EPP:
            for name, place in (("metrics.txt", "/metrics"), ("state.json", "/debug/state")):
                yield Part(
                    f"epp/{pod.name}/{name}",
                    lambda pod=pod, place=place: _of_picker(cluster, pod.document, place),  # type: ignore[misc] # see above
                )
        if any(stack_pods.component_of(name, pod) == stack_pods.PROXY for name in names):
            for name in ("config_dump", "clusters"):
                query = "?include_eds" if name == "config_dump" else ""
                yield Part(
                    f"proxy/{pod.name}/{name}.{'txt' if name == 'clusters' else 'json'}",
                    lambda pod=pod, place=f"/{name}{query}": _of_proxy(
                        cluster, pod.document, place
                    ),  # type: ignore[misc] # see above
                )
    for pod in models:
        yield Part(
            f"model/{pod.name}/metrics.txt",
            lambda pod=pod: _of_model(cluster, pod.document),  # type: ignore[misc] # see above
        )


def _versions(cluster: Cluster, stack: ApplySet) -> dict[str, Any]:
    import platform  # noqa: PLC0415 - for who makes an archive only
    from importlib.metadata import version  # noqa: PLC0415 - see above

    return {
        "gaiectl": version("gaiectl"),
        "python": platform.python_version(),
        "kubernetes": cluster.ask("GET", "/version", {}),
        "stack": name_of(stack),
        "namespace": stack.parent.namespace,
        "madeBy": stack.tooling,
        "isComplete": stack.is_complete,
        "collected": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _nodes(cluster: Cluster) -> list[dict[str, Any]]:
    found = []
    for node in cluster.list(cluster.kinds.need("", "Node")):
        status, spec = node.get("status") or {}, node.get("spec") or {}
        found.append(
            {
                "name": node["metadata"]["name"],
                "labels": node["metadata"].get("labels") or {},
                "taints": spec.get("taints") or [],
                "isUnschedulable": bool(spec.get("unschedulable")),
                "capacity": status.get("capacity") or {},
                "allocatable": status.get("allocatable") or {},
                "info": status.get("nodeInfo") or {},
                "conditions": {
                    one.get("type"): f"{one.get('status')} {one.get('reason', '')}".strip()
                    for one in status.get("conditions") or ()
                },
            }
        )
    return found


def _events(cluster: Cluster, namespace: str) -> bytes:
    """Return the events of a namespace, the oldest first, a line for each."""
    rows = []
    for event in cluster.list(cluster.kinds.need("", "Event"), namespace):
        about = event.get("involvedObject") or {}
        when = event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp")
        told = " ".join(str(event.get("message") or "").split())
        times = event.get("count") or (event.get("series") or {}).get("count") or 1
        rows.append(
            f"{when or '-':20.20} {event.get('type')} {event.get('reason')} x{times} "
            f"{about.get('kind')}/{about.get('name')}: {told}\n"
        )
    return redaction.text("".join(sorted(rows))).encode()


def _log(cluster: Cluster, pod: Pod, container: str, *, lines: int, previous: bool) -> bytes:
    held = io.StringIO()
    told = cluster.log_lines(pod.namespace, pod.name, container, lines=lines, previous=previous)
    for line in told:
        held.write(f"{line}\n")
        if held.tell() > _MOST_LOG_BYTES:
            held.write(f"(the rest of more than {_MOST_LOG_BYTES >> 20} MiB is left out)\n")
            break
    return redaction.log(held.getvalue()).encode("utf-8", "replace")


def _of_picker(cluster: Cluster, pod: Document, place: str) -> bytes:
    port = metrics_port(pod)
    if port.wants_certificate:
        raise NotShown("it asks who reads for a certificate")
    try:
        found = pod_pages.read(cluster, pod, port.number, place, scheme=port.scheme)
    except NotShown as error:
        if error.status not in (401, 403):
            raise
        token = token_of_pod(cluster, pod)
        found = pod_pages.read(cluster, pod, port.number, place, scheme=port.scheme, token=token)
    return _cleaned(found)


def _of_proxy(cluster: Cluster, pod: Document, place: str) -> bytes:
    """Return a page of Envoy's administration, which listens in its pod only."""
    for port in _ADMIN_PORTS[:-1]:
        try:
            return _cleaned(pod_pages.read(cluster, pod, port, place))
        except NotShown as error:
            if error.status:
                raise
    return _cleaned(pod_pages.read(cluster, pod, _ADMIN_PORTS[-1], place))


def _of_model(cluster: Cluster, pod: Document) -> bytes:
    ports = [
        port["containerPort"]
        for container in pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if "containerPort" in port
    ]
    return _cleaned(pod_pages.read(cluster, pod, ports[0] if ports else 8000, "/metrics"))


def _cleaned(page: bytes) -> bytes:
    return redaction.page(page.decode("utf-8", "replace")).encode()


def _yaml(documents: Any) -> bytes:
    return dump(map(redaction.document, documents)).encode()


def _json(value: Any) -> bytes:
    return redaction.page(json.dumps(value, default=str)).encode() + b"\n"


def _place(document: Document) -> str:
    who = identity(document)
    kind = f"{who.kind}.{who.group}".rstrip(".")
    return _safe(f"objects/{who.namespace or '_cluster'}/{kind}/{who.name}.yaml")


def _safe(name: str) -> str:
    """Return a path that any system can unpack: names of roles may hold colons."""
    return re.sub(r"[^A-Za-z0-9._/+-]", "_", name)


def _write(path: Path, files: Mapping[str, bytes]) -> None:
    root = path.name.removesuffix(".tar.gz")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as sink, tarfile.open(fileobj=sink, mode="w:gz") as tar:
            for name, held in sorted(files.items()):
                entry = tarfile.TarInfo(f"{root}/{name}")
                entry.size, entry.mtime, entry.mode = len(held), int(time.time()), 0o600
                tar.addfile(entry, io.BytesIO(held))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
