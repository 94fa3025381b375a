"""What ``install`` asks before its first write, beyond what it looks at by itself."""

from collections.abc import Callable, Sequence

from gaiectl.checks.cluster.catalog import ALL
from gaiectl.checks.cluster.check import Severity, Stage
from gaiectl.checks.cluster.report import Result, failures
from gaiectl.checks.cluster.run import run
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.documents import Document
from gaiectl.plan import Plan

_DONE_BY_INSTALL = ("KUB005", "KUB006", "SEC003", "EPP001")
"""The namespace, names that are taken, images; and what rendering has checked."""


def before_install(
    cluster: Cluster,
    plan: Plan,
    documents: Sequence[Document],
    *,
    missing_images: Callable[[], Sequence[tuple[str, str]]] | None = None,
) -> list[Result]:
    """Return what will keep the stack from working: checks that failed, warnings not among them.

    It writes nothing, and takes a few dozen short requests, eight at a time.

    Args:
        cluster: where it is to come.
        plan: of the stack.
        documents: of the plan.
        missing_images: see ``Scene``; images are looked at only if it is given.
    """
    inventory = applyset.read(cluster, plan.name, plan.namespace)
    scene = Scene(
        cluster,
        Stage.PRE,
        name=plan.name,
        namespace=plan.namespace,
        documents=documents,
        plan=plan,
        inventory=inventory,
        missing_images=missing_images,
    )
    left_out = _DONE_BY_INSTALL if missing_images is None else _DONE_BY_INSTALL[:2]
    checks = [
        check
        for check in ALL
        if Stage.PRE in check.stages
        and check.severity is Severity.ERROR
        and check.id not in left_out
    ]
    return failures(list(run(checks, scene)))
