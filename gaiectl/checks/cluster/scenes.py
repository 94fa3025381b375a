"""How a scene is set: what is known of a stack before it comes, and after."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from gaiectl import crds
from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.scene import MissingImages, Scene
from gaiectl.cluster import applyset, which
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import MANAGED_BY, RELEASE, ApplySet
from gaiectl.cluster.failures import ApiError, Unreachable
from gaiectl.cluster.rights import NotAllowed, needing
from gaiectl.documents import Document
from gaiectl.errors import Refused
from gaiectl.plan import Plan
from gaiectl.validation.fields import pairs

_CHARTS = (
    *(("apps", "Deployment"), ("", "Service"), ("", "ConfigMap"), ("", "ServiceAccount")),
    *(("rbac.authorization.k8s.io", "Role"), ("rbac.authorization.k8s.io", "RoleBinding")),
    *((crds.GROUP, "InferencePool"), ("gateway.networking.k8s.io", "HTTPRoute")),
)
"""What our charts hold that the checks look at."""


def find(
    cluster: Cluster, name: str, namespace: str, *, is_needed: bool = False
) -> ApplySet | None:
    """Return the inventory of a stack that is there; None when it is not, or nobody can tell.

    Args:
        cluster: where.
        name: of the stack; empty for the only one of the namespace.
        namespace: of the stack.
        is_needed: it is an error if it is not there, or cannot be seen.

    Raises:
        GaieError: there are several, or none and one is needed.
    """
    rights = needing("secrets", "get", "list", namespace=namespace)
    if is_needed:
        with rights:
            return which.one(cluster, name, namespace)
    with suppress(NotAllowed, ApiError, Unreachable, Refused), rights:
        return which.find(cluster, name, namespace)
    return None


def before(
    cluster: Cluster,
    *,
    name: str,
    namespace: str,
    plan: Plan | None = None,
    documents: Sequence[Document] = (),
    missing_images: MissingImages | None = None,
) -> Scene:
    """Return the scene before a stack comes."""
    inventory = find(cluster, name, namespace)
    return Scene(
        cluster,
        Stage.PRE,
        name=name,
        namespace=namespace,
        documents=documents,
        plan=plan,
        inventory=inventory or ApplySet(applyset.parent_of(name, namespace)),
        missing_images=missing_images,
    )


def after(cluster: Cluster, inventory: ApplySet, *, rendered: Sequence[Document] = ()) -> Scene:
    """Return the scene of a stack that has come.

    Raises:
        GaieError: its objects cannot be listed.
    """
    return Scene(
        cluster,
        Stage.POST,
        name=which.name_of(inventory),
        namespace=inventory.parent.namespace,
        documents=[*applyset.members(cluster, inventory), *_released(cluster, inventory)],
        rendered=rendered,
        inventory=inventory,
    )


def _released(cluster: Cluster, inventory: ApplySet) -> Iterator[Document]:
    """Yield what a Helm release holds of the stack, for such objects are no members."""
    release = inventory.annotations.get(RELEASE)
    for group, kind in _CHARTS if release else ():
        resource = cluster.kinds.find(group, kind)
        if resource is None:
            continue
        with suppress(ApiError):
            listed = cluster.list(
                resource, inventory.parent.namespace, selector=f"{MANAGED_BY}=Helm"
            )
            for one in listed:
                annotations = pairs(one, "metadata", "annotations")
                if annotations.get("meta.helm.sh/release-name") == release:
                    yield one
