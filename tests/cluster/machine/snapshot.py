"""All that is in a cluster, to be compared with what was in it before."""

import json
from typing import Any

from machine.cluster import Cluster

_BY_THEMSELVES = {"events", "events.events.k8s.io", "leases.coordination.k8s.io"}


def cluster_image(cluster: Cluster, *namespaces: str) -> dict[str, str]:
    """Return every object as JSON, by kind, namespace and name.

    Left out are resource versions and what changes by itself: events, the Leases of Kubernetes'
    own parts, and what nodes say of their health.

    Args:
        cluster: where.
        namespaces: only what is in them, and what has one of their names in its own; none is the
            whole cluster, for a test that has it for itself.
    """
    listed = cluster.do("api-resources", "--verbs=list,delete", "--output=name").split()
    kinds = ",".join(kind for kind in listed if kind not in _BY_THEMSELVES)
    command = ("get", kinds, "--all-namespaces", "--show-managed-fields", "--output=json")
    found = json.loads(cluster.do(*command))["items"]
    if namespaces:
        leases = ("get", "leases.coordination.k8s.io", "--output=json", "--namespace")
        for namespace in namespaces:
            found += json.loads(cluster.do(*leases, namespace))["items"]
    return {
        f"{one['kind']} {_place(one)}": _text(one)
        for one in found
        if not namespaces or any(name in _place(one) for name in namespaces)
    }


def _place(one: dict[str, Any]) -> str:
    metadata = one["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def _text(one: dict[str, Any]) -> str:
    metadata = {key: value for key, value in one["metadata"].items() if key != "resourceVersion"}
    kept = {**one, "metadata": metadata}
    if one["kind"] == "Node":
        metadata.pop("managedFields", None)
        kept.pop("status", None)
    return json.dumps(kept, sort_keys=True)
