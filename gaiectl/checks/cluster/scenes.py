"""How a scene is set: what is known of a stack before it comes, and after."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document
from gaiectl.errors import GaieError, Refused
from gaiectl.plan import Plan


def inventory_of(cluster: Cluster, name: str, namespace: str) -> ApplySet | None:
    """Return a stack's inventory, which may not exist; None when the user may not look.

    Raises:
        GaieError: the cluster does not answer.
    """
    try:
        return applyset.read(cluster, name, namespace)
    except ApiError as error:
        if error.status in (401, 403):
            return None
        raise
    except Refused:
        return None  # something else has the name: for the checks to say


def only_stack(cluster: Cluster, namespace: str) -> ApplySet | None:
    """Return the only stack of a namespace; None when there is none.

    Raises:
        GaieError: there are several.
    """
    found: list[ApplySet] = []
    with suppress(ApiError):
        found = list(applyset.all_of(cluster, namespace))
    if len(found) > 1:
        names = ", ".join(name_of(one) for one in found)
        raise GaieError(
            f"namespace {namespace} holds several stacks: {names}",
            hint="name the one to check: gaiectl check NAME",
        )
    return found[0] if found else None


def name_of(inventory: ApplySet) -> str:
    """Return the name of an inventory's stack."""
    return inventory.parent.name.removeprefix("gaiectl-")


def before(
    cluster: Cluster,
    *,
    name: str,
    namespace: str,
    plan: Plan | None = None,
    documents: Sequence[Document] = (),
    missing_images: Callable[[], Sequence[tuple[str, str]]] | None = None,
) -> Scene:
    """Return the scene before a stack comes."""
    inventory = None
    with suppress(GaieError):
        inventory = inventory_of(cluster, name, namespace)
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
        name=name_of(inventory),
        namespace=inventory.parent.namespace,
        documents=list(applyset.members(cluster, inventory)),
        rendered=rendered,
        inventory=inventory,
    )
