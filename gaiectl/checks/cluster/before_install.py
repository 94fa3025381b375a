"""What ``install`` asks before its first write, beyond what it looks at by itself."""

from collections.abc import Sequence

from gaiectl.checks.cluster.catalog import ALL
from gaiectl.checks.cluster.check import Severity, Stage
from gaiectl.checks.cluster.report import Result, failures
from gaiectl.checks.cluster.run import run
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.plan import Plan

_DONE_BY_INSTALL = frozenset(
    (
        *("KUB001", "KUB004", "KUB005", "KUB006", "KUB008"),
        *("INF001", "INF003", "INF004", "SEC003", "EPP001", "POL002", "POL003"),
    )
)
"""Rights, namespace, names, definitions and images; and what rendering has checked."""


def before_install(
    cluster: Cluster,
    plan: Plan,
    documents: Sequence[Document],
) -> list[Result]:
    """Return what will keep the stack from working: checks that failed, warnings not among them.

    It writes nothing, and takes a few dozen short requests, several at a time.

    Args:
        cluster: where it is to come.
        plan: of the stack.
        documents: of the plan.
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
    )
    checks = [
        check
        for check in ALL
        if Stage.PRE in check.stages
        and check.severity is Severity.ERROR
        and check.id not in _DONE_BY_INSTALL
    ]
    return failures(list(run(checks, scene)))


def require_fit(cluster: Cluster, plan: Plan, documents: Sequence[Document]) -> None:
    """Do nothing if the cluster is fit for the stack.

    Raises:
        GaieError: it is not; every check that failed is a line, and the hint is that of the first.
    """
    failed = before_install(cluster, plan, documents)
    if not failed:
        return
    first, *others = failed
    lines = [f"{one.check.id}: {line}" for one in others for line in one.seen.splitlines()]
    detail = "\n".join([*first.seen.splitlines()[1:], *lines])
    message = first.seen.partition("\n")[0]
    hint = first.fix[0] if first.fix else first.hint
    if others:
        hint += "; gaiectl check says what to do about the others"
    raise GaieError(f"{first.check.id}: {message}", hint=hint, detail=detail)
