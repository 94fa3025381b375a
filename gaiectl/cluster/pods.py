"""Pods by the names that kubectl's users know: ``pod/NAME``, ``deploy/NAME``, ``svc/NAME``."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.rights import needing
from gaiectl.cluster.troubles import why_not_ready
from gaiectl.documents import Document, Identity
from gaiectl.errors import GaieError, UsageError

_POD, _DEPLOYMENT, _SERVICE = "Pod", "Deployment", "Service"
_KINDS = {
    **dict.fromkeys(("po", "pod", "pods"), _POD),
    **dict.fromkeys(("deploy", "deployment", "deployments", "deployments.apps"), _DEPLOYMENT),
    **dict.fromkeys(("svc", "service", "services"), _SERVICE),
}
_GROUPS = {_DEPLOYMENT: "apps"}


class Target(NamedTuple):
    """Whom to talk to.

    Attributes:
        kind: ``Pod``, ``Deployment`` or ``Service``.
        name: of the object.
    """

    kind: str
    name: str


def parse(text: str) -> Target:
    """Return what ``KIND/NAME`` stands for.

    Raises:
        UsageError: it is not of this form, or of no kind that has pods.
    """
    kind, _, name = text.partition("/")
    if kind.lower() not in _KINDS or not name or "/" in name:
        raise UsageError(f"{text!r} names no pods", hint="write pod/NAME, deploy/NAME or svc/NAME")
    return Target(_KINDS[kind.lower()], name)


def find_pod(cluster: Cluster, target: Target, namespace: str) -> Document:
    """Return the pod to talk to: that one, or the first ready one of several.

    A pod that is named itself need not be ready, only run.

    Raises:
        GaieError: there is none, none is ready, or the cluster refuses to tell.
    """
    kind, group = target.kind, _GROUPS.get(target.kind, "")
    what = f"{kind} {namespace}/{target.name}"
    with needing(f"{kind.lower()}s", "get", namespace=namespace, group=group):
        found = cluster.get(Identity(group, kind, namespace, target.name))
    if found is None:
        raise GaieError(f"there is no {what}", hint="name the namespace with -n")
    if kind == _POD:
        if found["status"].get("phase") != "Running":
            raise _not_ready(f"{what} does not run", [found])
        return found
    spec = found["spec"]
    selector = _selector(spec["selector"] if group else {"matchLabels": spec.get("selector")})
    if not selector:
        raise GaieError(
            f"{what} selects no pods", hint="name the pod or its Deployment: deploy/NAME"
        )
    with needing("pods", "list", namespace=namespace):
        listed = cluster.list(cluster.kinds.need("", _POD), namespace, selector=selector)
        pods = sorted(listed, key=lambda pod: str(pod["metadata"]["name"]))
    if not pods:
        raise GaieError(
            f"{what} has no pods",
            hint=f"kubectl describe -n {namespace} {kind.lower()} {target.name} says why",
        )
    ready = next(filter(is_ready, pods), None)
    if ready is None:
        raise _not_ready(f"no pod of {what} is ready", pods)
    return ready


def is_ready(pod: Document) -> bool:
    """Tell whether a pod is ready and not about to end."""
    return "deletionTimestamp" not in pod["metadata"] and any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod["status"].get("conditions") or ()
    )


def _not_ready(message: str, pods: list[Document]) -> GaieError:
    first = pods[0]["metadata"]
    return GaieError(
        message,
        hint=f"kubectl describe pod -n {first['namespace']} {first['name']} says more; a pod that "
        "runs but is not ready can be asked by its own name: pod/NAME",
        detail="\n".join(f"{pod['metadata']['name']}: {why_not_ready(pod)}" for pod in pods[:10]),
    )


def _selector(selector: Mapping[str, Any]) -> str:
    terms = [f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], ",".join(expression.get("values") or ())
        forms = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        terms.append(forms[expression["operator"]])
    return ",".join(terms)
