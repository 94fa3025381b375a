"""MON: what tells Prometheus whom to read. A stack serves without it."""

from gaiectl import prereqs
from gaiectl.checks.cluster.check import PRE, Check, Failed, Severity, Skipped
from gaiectl.checks.cluster.definitions import missing, needed
from gaiectl.checks.cluster.scene import Scene

_GROUPS = ("monitoring.coreos.com", "monitoring.googleapis.com")


def _served(scene: Scene) -> str:
    kinds = [kind for group in _GROUPS for kind in needed(scene, group)]
    if not kinds:
        raise Skipped("the stack has no objects for Prometheus")
    if problems := missing(scene, kinds):
        raise Failed("\n".join(problems))
    return ", ".join(map(str, kinds))


CHECKS = (
    Check(
        id="MON001",
        title="objects for Prometheus can be created",
        proves="metrics of the stack are collected",
        hint="install the Prometheus Operator, or at least the definitions; or leave monitors out",
        fix=(prereqs.POD_MONITOR_CRDS.command,),
        run=_served,
        stages=PRE,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
)
