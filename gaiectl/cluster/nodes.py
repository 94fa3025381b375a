"""What is wrong with the node that a pod is on: the pod itself does not know it."""

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.troubles import NODE_HINT, Trouble
from gaiectl.documents import Document, Identity


def trouble_of_node(cluster: Cluster, pod: Document) -> Trouble | None:
    """Return what is wrong with a pod's node; None if nothing is, or it may not be seen."""
    name = str((pod.get("spec") or {}).get("nodeName") or "")
    if not name:
        return None
    try:
        node = cluster.get(Identity("", "Node", "", name))
    except ApiError as error:
        if error.status != 403:
            raise
        return None
    said = "is gone" if node is None else why_unready(node)
    return Trouble("node", f"is on node {name}, which {said}", NODE_HINT) if said else None


def why_unready(node: Document) -> str:
    """Return why a node runs no pods, continuing its name; empty if it does.

    A node that is ready may lack memory, disk or process ids: its kubelet then evicts pods.
    """
    conditions = {
        str(condition.get("type")): condition
        for condition in (node.get("status") or {}).get("conditions") or ()
    }
    ready = conditions.pop("Ready", {})
    if ready.get("status") != "True":
        words = (ready.get("reason"), ready.get("message"))
        why = ": ".join(str(word).rstrip(".") for word in words if word)
        return f"is not ready ({why})" if why else "is not ready"
    for kind, condition in conditions.items():
        if condition.get("status") == "True":
            told = str(condition.get("message") or condition.get("reason") or "").rstrip(".")
            return f"is under {kind} ({told})" if told else f"is under {kind}"
    return ""
