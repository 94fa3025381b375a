"""How much of a resource nodes have left, for whoever does not fit on any."""

from collections.abc import Iterable
from decimal import Decimal

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document
from gaiectl.validation.rules import amount

_BYTES = ("memory", "ephemeral-storage")


def most_room(cluster: Cluster, resource: str) -> str:
    """Return which node has the most of a resource left; empty where nodes may not be listed."""
    try:
        nodes = list(cluster.list(cluster.kinds.need("", "Node")))
        pods = list(cluster.list(cluster.kinds.need("", "Pod")))
    except ApiError as error:
        if error.status != 403:
            raise
        return ""
    return room(nodes, pods, resource)


def room(nodes: Iterable[Document], pods: Iterable[Document], resource: str) -> str:
    """Return which of these nodes has the most of a resource left by these pods."""
    free = {
        node["metadata"]["name"]: amount(
            ((node.get("status") or {}).get("allocatable") or {}).get(resource, 0)
        )
        for node in nodes
    }
    total = dict(free)
    for pod in pods:
        spec, phase = pod.get("spec") or {}, (pod.get("status") or {}).get("phase")
        name = spec.get("nodeName")
        if name in free and phase not in ("Succeeded", "Failed"):
            for container in spec.get("containers") or ():
                asked = (container.get("resources") or {}).get("requests") or {}
                free[name] -= amount(asked.get(resource, 0))
    if not any(total.values()):
        return f"no node has any {resource}"
    best = max(free, key=lambda name: free[name])
    return (
        f"node {best} has most {resource} left: {shown(free[best], resource)} of "
        f"{shown(total[best], resource)}"
    )


def shown(number: Decimal, resource: str) -> str:
    """Return an amount of a resource for people."""
    if resource in _BYTES or resource.startswith("hugepages-"):
        return f"{number / 2**30:.1f}Gi"
    return f"{number:.3f}".rstrip("0").rstrip(".")
