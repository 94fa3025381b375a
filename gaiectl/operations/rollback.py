"""Which revision a stack goes back to. What then happens is an installation of its documents."""

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet
from gaiectl.errors import GaieError
from gaiectl.operations.history import Revision, revisions
from gaiectl.operations.which import name_of


def chosen(cluster: Cluster, stack: ApplySet, number: int = 0) -> Revision:
    """Return a revision: that of a number, or the one before the latest.

    Raises:
        GaieError: there is no such revision.
    """
    there = revisions(cluster, stack)
    name = name_of(stack)
    if number:
        for one in there:
            if one.number == number:
                return one
        numbers = ", ".join(str(one.number) for one in there) or "none"
        raise GaieError(f"{name} has no revision {number}", hint=f"it has {numbers}")
    if len(there) <= 1:
        count = "one revision" if there else "no revisions"
        raise GaieError(
            f"{name} has {count}: there is none to go back to",
            hint="gaiectl upgrade changes a stack; each change makes a revision",
        )
    return there[-2]
