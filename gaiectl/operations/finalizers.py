"""Why an object that was deleted is still there, and who ends that. Pure."""

from gaiectl.documents import Document

_REMOVED_BY = {
    "foregroundDeletion": "Kubernetes' garbage collector, once what the object owns is gone",
    "orphan": "Kubernetes' garbage collector",
    "kubernetes.io/pvc-protection": "Kubernetes, once no pod uses the claim",
    "kubernetes.io/pv-protection": "Kubernetes, once no claim uses the volume",
    "service.kubernetes.io/load-balancer-cleanup": "the cloud's controller of load balancers",
    "customresourcecleanup.apiextensions.k8s.io": "the API server, once all objects of the kind "
    "are gone",
    "gateway-exists-finalizer.gateway.networking.k8s.io": "the Gateway controller, once no Gateway "
    "uses the class",
    "batch.kubernetes.io/job-tracking": "Kubernetes' controller of Jobs",
}


def why_there(found: Document) -> str:
    """Return why an object is still there, as it is in the cluster."""
    metadata = found["metadata"]
    if not metadata.get("deletionTimestamp"):
        return "nobody has deleted it yet: Kubernetes' controllers do, if they run"
    finalizers = metadata.get("finalizers") or ()
    if finalizers:
        return "; ".join(
            f"finalizer {one}, removed by {_REMOVED_BY.get(one) or _owner(one)}"
            for one in finalizers
        )
    if found["kind"] == "Pod":
        seconds = metadata.get("deletionGracePeriodSeconds")
        node = (found.get("spec") or {}).get("nodeName")
        return f"its containers have {seconds} s to end" + (f" on node {node}" if node else "")
    if found["kind"] == "Namespace":
        return _what_namespace_holds(found)
    return "the API server is about to remove it"


def _owner(finalizer: str) -> str:
    domain, _, name = finalizer.rpartition("/")
    return f"the controller of {domain or name}: see that it runs"


def _what_namespace_holds(found: Document) -> str:
    told = [
        str(condition.get("message"))
        for condition in (found.get("status") or {}).get("conditions") or ()
        if condition.get("status") == "True" and condition.get("message")
    ]
    return "; ".join(told) or "Kubernetes removes what is in it"
