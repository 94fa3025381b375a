"""A stack that is in a cluster, as the checks look at it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gaiectl.checks.cluster.scene import Scene
    from gaiectl.cluster.api import Cluster
    from gaiectl.cluster.applyset import ApplySet


def scene_of(cluster: "Cluster", stack: "ApplySet") -> "Scene":
    """Return the scene of a stack, with those of its objects that the user may list.

    Raises:
        GaieError: the cluster does not tell.
    """
    from gaiectl.checks.cluster.check import Stage
    from gaiectl.checks.cluster.scene import Scene
    from gaiectl.operations.which import name_of, seen

    return Scene(
        cluster,
        Stage.POST,
        name=name_of(stack),
        namespace=stack.parent.namespace,
        documents=seen(cluster, stack)[0],
        inventory=stack,
    )
