"""What installing one thing is: looked at and tried before anything is written, then done."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Protocol

from gaiectl.cluster.api import Cluster
from gaiectl.documents import Document, identity
from gaiectl.helm.binary import Helm
from gaiectl.operations.prereqs.sources import Source
from gaiectl.operations.waiting import Patience, Watcher
from gaiectl.prereqs.kinds import Prereq


class Verdict(StrEnum):
    """What became of it."""

    INSTALLED = "installed"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    FOREIGN = "there already"


class Done(NamedTuple):
    """What became of one thing.

    Attributes:
        name: of it.
        verdict: in one word or two.
        told: what else there is to say: who brought it, which release it is.
    """

    name: str
    verdict: Verdict
    told: str = ""


class Report(Watcher, Protocol):
    """Who is told how it goes."""

    def doing(self, text: str) -> None:
        """What goes on."""
        ...

    def noted(self, text: str) -> None:
        """Something that the user should know."""
        ...


class Scene(NamedTuple):
    """What a step needs to be done.

    Attributes:
        cluster: where.
        source: of files and charts.
        helm: returns the helm to use; asked only if a chart is installed.
        patience: for all together; nothing left at once means not to wait.
        report: who is told.
        is_dry_run: only try.
    """

    cluster: Cluster
    source: Source
    helm: Callable[[], Helm]
    patience: Patience
    report: Report
    is_dry_run: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether to wait until things are ready."""
        return self.patience.seconds > 0 and not self.is_dry_run


class Step(NamedTuple):
    """One thing that is to be installed, with all that can be known of it beforehand.

    Attributes:
        prereq: which.
        carry_out: does it.
    """

    prereq: Prereq
    carry_out: Callable[[], Done]


def is_served(cluster: Cluster, prereq: Prereq) -> bool:
    """Tell whether all kinds that it defines can be used."""
    return all(cluster.kinds.find(group, kind) is not None for group, kind in prereq.kinds)


def managers(document: Document) -> str:
    """Return who looks after an object that is in a cluster, as far as it says."""
    metadata = document.get("metadata") or {}
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    if release := annotations.get("meta.helm.sh/release-name"):
        return f"Helm release {release}"
    if named := labels.get("app.kubernetes.io/managed-by"):
        return str(named)
    fields = metadata.get("managedFields") or ()
    seen = {str(one.get("manager")) for one in fields if one.get("subresource") != "status"}
    return ", ".join(sorted(seen)[:2]) or identity(document).title
