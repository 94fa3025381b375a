"""What rendered objects are on the cluster at hand: without what it lacks, or sets itself."""

from collections.abc import Collection, Sequence

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.openshift import assigns_users, without_users
from gaiectl.documents import Document, Identity, identity
from gaiectl.operations.monitors import readable

_ASSIGNED = "OpenShift assigns users and groups to the pods, so those that gaiectl has are left out"


def fitted(
    cluster: Cluster, documents: Sequence[Document], of_others: Collection[Identity] = ()
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """Return the documents as the cluster can have them, and notes on what that changes.

    Args:
        cluster: where they are to come.
        documents: all that a stack is made of.
        of_others: those of them that Helm writes, as its chart has them.
    """
    kept, notes = readable(cluster, documents)
    if not assigns_users(cluster.kinds):
        return kept, notes
    found = tuple(one if identity(one) in of_others else without_users(one) for one in kept)
    return found, notes if found == kept else (*notes, _ASSIGNED)
