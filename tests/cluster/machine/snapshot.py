"""All that is in a cluster, to be compared with what was in it before."""

import json
import time
from collections.abc import Iterator
from typing import Any

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError

_BY_THEMSELVES = ("Event", "Lease")
_DELETED = {"list", "delete"}
# What each namespace has at last. A cluster whose controllers have not begun is still, too.
_IN_EACH = (("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt"))
_STILL_SECONDS = 3
_SETTLE_SECONDS = 120


def cluster_image(api: Cluster, *namespaces: str) -> dict[str, str]:
    """Return every object as JSON, by kind, namespace and name.

    Left out are resource versions and what changes by itself: events, the Leases of Kubernetes'
    own parts, and what nodes say of their health.

    Args:
        api: where.
        namespaces: only what is in them, and what has one of their names in its own; none is the
            whole cluster, for a test that has it for itself.
    """
    return {
        f"{one['kind']} {_place(one)}": _text(one)
        for base, resource in _resources(api)
        for one in _listed(api, base, resource, namespaces)
        if not namespaces or any(name in _place(one) for name in namespaces)
    }


def settled(api: Cluster) -> dict[str, str]:
    """Return all that is in a cluster as soon as Kubernetes itself brings nothing more."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    seen: dict[str, str] = {}
    while seen != (seen := cluster_image(api)) or not _has_begun(seen):
        assert time.monotonic() < deadline, "something always comes, or never did"
        time.sleep(_STILL_SECONDS)
    return seen


def differences(api: Cluster, before: dict[str, str]) -> set[tuple[str, str]]:
    """Return what is in a cluster and was not, and the reverse, when nothing goes any more."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (now := cluster_image(api)) != before and time.monotonic() < deadline:
        time.sleep(0.5)
    return set(now.items()) ^ set(before.items())


def _has_begun(seen: dict[str, str]) -> bool:
    spaces = [one.removeprefix("Namespace /") for one in seen if one.startswith("Namespace /")]
    return all(f"{kind} {space}/{name}" in seen for space in spaces for kind, name in _IN_EACH)


def _resources(api: Cluster) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every kind in one version, with the path of that."""
    groups = api.ask("GET", "/apis", {})["groups"]
    for base in (
        "/api/v1",
        *(f"/apis/{one['preferredVersion']['groupVersion']}" for one in groups),
    ):
        try:
            found = api.ask("GET", base, {})["resources"]
        except ApiError as error:
            if error.status not in (404, 503):
                raise
            continue  # of another test, gone meanwhile
        for resource in found:
            if set(resource["verbs"]) >= _DELETED and "/" not in resource["name"]:
                yield base, resource


def _listed(
    api: Cluster, base: str, resource: dict[str, Any], namespaces: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    plural, kind = resource["name"], resource["kind"]
    if namespaces and resource["namespaced"]:
        paths = [f"{base}/namespaces/{namespace}/{plural}" for namespace in namespaces]
    else:
        paths = [f"{base}/{plural}"]
    for path in paths:
        try:
            items = api.ask("GET", path, {})["items"]
        except ApiError as error:
            if error.status != 404:
                raise
            continue
        for item in items:
            one = {**item, "kind": kind, "apiVersion": base}
            if kind not in _BY_THEMSELVES or (kind == "Lease" and _is_not_kubernetes(one)):
                yield one


def _is_not_kubernetes(one: dict[str, Any]) -> bool:
    return not one["metadata"]["namespace"].startswith("kube-")


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
