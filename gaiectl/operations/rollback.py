"""Which revision a stack goes back to. What then happens is an installation of its documents."""

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet
from gaiectl.errors import GaieError, Refused
from gaiectl.operations.history import Revision, revisions
from gaiectl.operations.releasing import release_of
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


def refuse_release(cluster: Cluster, stack: ApplySet) -> None:
    """Raise when Helm keeps the history of a stack's chart.

    Raises:
        Refused: names Helm's commands.
    """
    if release := release_of(cluster, stack):
        place = stack.parent.namespace
        raise Refused(
            f"the chart of {name_of(stack)} is the Helm release {release}: Helm keeps its history",
            hint=f"helm history {release} -n {place}; helm rollback {release} REVISION -n {place}",
        )
