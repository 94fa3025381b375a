"""CLI: the programs on this machine, and which releases of them go together."""

from gaiectl.checks.cluster.check import PRE, Check, Failed, Severity, Skipped
from gaiectl.checks.cluster.definitions import release_of
from gaiectl.checks.cluster.scene import Scene
from gaiectl.tools import finding
from gaiectl.tools.catalogue import HELM, HELMFILE, Tool

OLDEST_HELM = (3, 13, 0)
"""The first whose releases can have labels, by which ``gaiectl prereqs`` knows its own."""
FIRST_HELMFILE_FOR_HELM_4 = (1, 2, 0)
"""Older ones ask Helm what Helm 4 does not understand, and end."""


def _helm(scene: Scene) -> str:
    found, release = _found(scene, HELM)
    if release_of(release) < OLDEST_HELM:
        raise Failed(
            f"{found.path} is helm {release}; {'.'.join(map(str, OLDEST_HELM))} or newer is needed"
        )
    return f"helm {release} ({found.path})"


def _helmfile(scene: Scene) -> str:
    found, release = _found(scene, HELMFILE)
    try:
        _, helm = _found(scene, HELM)
    except finding.ToolMissing:
        raise Failed(f"helmfile {release} needs a helm, and there is none") from None
    is_new_helm = release_of(helm) >= (4,)
    if is_new_helm and release_of(release) < FIRST_HELMFILE_FOR_HELM_4:
        raise Failed(
            f"helmfile {release} ({found.path}) does not work with helm {helm}",
            hint="take helmfile 1.2 or newer, or give it Helm 3: helmfile --helm-binary",
            fix=("gaiectl tools install helm3",),
        )
    return f"helmfile {release} with helm {helm}"


def _found(scene: Scene, tool: Tool) -> tuple[finding.Found, str]:
    def ask() -> tuple[finding.Found, str]:
        found = finding.find(tool)
        return found, finding.version(found)

    try:
        return scene.once(("program", tool.name), ask)
    except finding.NotInstalled:
        if tool is HELM:
            raise
        raise Skipped(f"{tool.name} is not here, and gaiectl does without") from None


CHECKS = (
    Check(
        id="CLI001",
        title="helm is here, and new enough",
        proves="charts can be rendered, and controllers installed",
        hint="install a newer one, or have gaiectl fetch it",
        fix=("gaiectl tools install helm",),
        run=_helm,
        stages=PRE,
        severity=Severity.WARNING,
    ),
    Check(
        id="CLI002",
        title="helmfile and helm go together",
        proves="an exported helmfile can be carried out here",
        hint="have gaiectl fetch both",
        fix=("gaiectl tools install helmfile helm3",),
        run=_helmfile,
        stages=PRE,
        severity=Severity.WARNING,
    ),
)
