"""Endpoints from pods: which pods count, and where each of their ports is; pure, and total."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from epp.api.discovery import EndpointSpec

ACTIVE_PORTS = ("llm-d.ai/active-ports", "inference.networking.k8s.io/active-ports")
"""Annotations that restrict the ports of a pod; the first one present counts."""


class Pod(NamedTuple):
    """A pod that was selected.

    Attributes:
        name: unique within its namespace.
        namespace: where it is.
        address: IP literal; empty when it has none.
        labels: its labels.
        active_ports: the only ports that serve, None for all of the pool's.
        objection: why it may not serve; empty when it may.
    """

    name: str
    namespace: str
    address: str
    labels: Mapping[str, str]
    active_ports: frozenset[int] | None
    objection: str = ""


def read_pod(item: Mapping[str, Any]) -> Pod | None:
    """Read a pod; None for what is none.

    It may serve when it is not being deleted, its condition ``Ready`` is true and it has an
    address.
    """
    metadata, status = item.get("metadata"), item.get("status")
    if not isinstance(metadata, dict) or not isinstance(status, dict):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str) or not isinstance(namespace, str):
        return None
    address, objection = _address(status.get("podIP")), ""
    if "deletionTimestamp" in metadata:
        objection = "it is being deleted"
    elif not _is_ready(status.get("conditions")):
        objection = "it is not ready"
    elif not address:
        objection = "it has no address"
    labels = _texts(metadata.get("labels"))
    active = _active(_texts(metadata.get("annotations")))
    return Pod(name, namespace, address, labels, active, objection)


def endpoints(pods: Iterable[Pod], ports: Sequence[int]) -> Iterator[EndpointSpec]:
    """Yield the endpoints of a pool: one for each pod and port, named ``<pod>-rank-<position>``."""
    for pod in pods:
        if pod.objection:
            continue
        for rank, port in enumerate(ports):
            if pod.active_ports is None or port in pod.active_ports:
                name = f"{pod.name}-rank-{rank}"
                yield EndpointSpec(name, pod.namespace, pod.address, port, pod.labels)


def left_out(pods: Iterable[Pod], ports: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Yield the name of each pod without an endpoint, and why it has none."""
    for pod in pods:
        if pod.objection:
            yield pod.name, pod.objection
        elif pod.active_ports is not None and not pod.active_ports.intersection(ports):
            yield pod.name, "none of its active ports is one of the pool's"


def _is_ready(conditions: object) -> bool:
    return isinstance(conditions, list) and any(
        isinstance(one, dict) and one.get("type") == "Ready" and one.get("status") == "True"
        for one in conditions
    )


def _address(text: object) -> str:
    if not isinstance(text, str) or "%" in text:
        return ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _active(annotations: Mapping[str, str]) -> frozenset[int] | None:
    for name in ACTIVE_PORTS:
        if name in annotations:
            parts = (part.strip() for part in annotations[name].split(","))
            return frozenset(
                int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 6
            )
    return None


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(text, str)}
