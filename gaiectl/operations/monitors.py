"""Monitors where nobody reads them: they are left out, rather than that nothing is installed."""

from collections.abc import Sequence

from gaiectl.cluster.api import Cluster
from gaiectl.documents import Document, identity

_MONITOR = ("monitoring.coreos.com", "PodMonitor")
"""Charts render it unasked; a ServiceMonitor was asked for, so it stays, and is refused."""

RESOURCE = f"podmonitors.{_MONITOR[0]}"
"""As kubectl lists the kind."""


def is_unasked(document: Document) -> bool:
    """Tell whether an object is a monitor that may be left out."""
    return identity(document)[:2] == _MONITOR


def readable(
    cluster: Cluster, documents: Sequence[Document]
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """Return the documents without PodMonitors of a kind that the cluster lacks, and notes on that.

    Args:
        cluster: where they are to come.
        documents: all that a stack is made of.
    """
    monitors = [identity(one) for one in documents if is_unasked(one)]
    if not monitors or cluster.kinds.find(*_MONITOR):
        return tuple(documents), ()
    note = (
        f"the cluster knows no PodMonitors, so {', '.join(one.name for one in monitors)} "
        f"{'is' if len(monitors) == 1 else 'are'} left out; with the Prometheus Operator, install "
        "again brings them"
    )
    return tuple(one for one in documents if identity(one) not in monitors), (note,)
