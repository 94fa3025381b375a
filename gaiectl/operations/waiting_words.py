"""What waiting for something comes to: since when what is wrong, and when that is final."""

from collections.abc import Callable
from typing import NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.refused_pods import hint_of
from gaiectl.documents import Identity

SETTLE_SECONDS = 5.0
"""A rollout that fails for the moment: quota that old pods still use, an account to come."""


class Failure(NamedTuple):
    """Why an object will not become ready by itself."""

    message: str
    hint: str
    detail: str = ""


class Ages:
    """Remembers since when something is so.

    Args:
        cluster: while its server was away nobody could mend anything: all begins anew then.
        now: seconds that never go back.
    """

    def __init__(self, cluster: Cluster, now: Callable[[], float]) -> None:
        self._cluster = cluster
        self._now = now
        self._since: dict[tuple[str, ...], float] = {}
        self._outages = 0

    def look_for_outages(self) -> None:
        """Forget everything if the server has been away since the last time."""
        outages = self._cluster.outages.count if self._cluster.outages else 0
        if outages > self._outages:
            self._since.clear()
            self._outages = outages

    def of(self, *what: str) -> float:
        """Return for how long this has been seen; 0 the first time."""
        return self._now() - self._since.setdefault(what, self._now())


def printable(text: str) -> str:
    """Return a line of somebody's log without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str) -> str:
    """Return what controllers and runtimes wrote, whatever it is, as one printable line."""
    return printable(" ".join(text.split()))


def describe(who: Identity) -> str:
    """Return where to look for more of an object."""
    kind = f"{who.kind.lower()}.{who.group}" if who.group else who.kind.lower()
    place = f" -n {who.namespace}" if who.namespace else ""
    return f"kubectl describe {kind} {who.name}{place} says more"


def refused(told: str, who: Identity) -> str:
    """Return what to do when pods are refused."""
    return hint_of(told, who.namespace) or describe(who)
