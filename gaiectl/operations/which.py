"""What can be seen of a stack; which one is meant is said by ``gaiectl.cluster.which``."""

from collections.abc import Sequence
from typing import NamedTuple

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import RELEASE, ApplySet
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.which import missing, name_of, names, one, some
from gaiectl.documents import Document, identity
from gaiectl.operations.history import is_revision, revisions

__all__ = ("Seen", "missing", "name_of", "names", "one", "seen", "some")


class Seen(NamedTuple):
    """What the user may see of a stack.

    Attributes:
        members: its objects, as they are in the cluster.
        unseen: what the API server says of kinds that the user may not list.
    """

    members: Sequence[Document]
    unseen: Sequence[str]


def seen(cluster: Cluster, stack: ApplySet) -> Seen:
    """Return the objects of a stack, of the kinds that the user may list.

    Those that a Helm release holds have no label of ours: the latest revision names them.
    """
    members: list[Document] = []
    unseen: list[str] = []
    for kind in sorted(stack.kinds):
        try:
            members += applyset.members(cluster, stack._replace(kinds=frozenset([kind])))
        except ApiError as error:
            if error.status != 403:
                raise
            unseen.append(error.message)
    members = [member for member in members if not is_revision(member)]
    if RELEASE in stack.annotations and (there := revisions(cluster, stack)):
        known = {identity(member) for member in members}
        wanted = [identity(document) for document in there[-1].masked()]
        found = [cluster.get(who) for who in wanted if who not in known]
        members += [member for member in found if member is not None]
    return Seen(members, unseen)
