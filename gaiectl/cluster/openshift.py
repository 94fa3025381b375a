"""What OpenShift sets in pods itself, and admits only as it has set it.

Its SecurityContextConstraints restricted-v2 demands what Pod Security's restricted does, which is
what our pods are like, and users and groups that it has assigned to the namespace.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gaiectl.cluster.resources import Kinds

_CONSTRAINTS = "security.openshift.io"
_IDS = ("runAsUser", "runAsGroup", "fsGroup")
_OURS = frozenset((65532, 10001))
"""Users and groups that charts and model servers have unless told otherwise."""


def assigns_users(kinds: "Kinds") -> bool:
    """Tell whether a cluster assigns users and groups to pods."""
    return bool(kinds.versions(_CONSTRAINTS))


def without_users(node: Any) -> Any:
    """Return an object, or a part of one, without the users and groups that we chose for pods.

    Pods with ids of somebody else's choice stay as they are: another constraint may be theirs.
    """
    if isinstance(node, list):
        return [without_users(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("containers"), list):
        return _pod(node)
    return {key: without_users(value) for key, value in node.items()}


def _pod(spec: dict[str, Any]) -> dict[str, Any]:
    parts = [spec, *spec["containers"], *(spec.get("initContainers") or ())]
    contexts = [part.get("securityContext") or {} for part in parts if isinstance(part, dict)]
    ids = {context[name] for context in contexts for name in _IDS if name in context}
    if not ids or ids - _OURS:
        return spec
    context = {key: value for key, value in contexts[0].items() if key not in _IDS}
    return {**spec, "securityContext": context}
