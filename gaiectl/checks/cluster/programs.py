"""CLI: the programs on this machine, and which releases of them go together."""

from gaiectl.checks.cluster.check import PRE, Check, Failed, Severity, Skipped
from gaiectl.checks.cluster.definitions import release_of
from gaiectl.checks.cluster.scene import Scene
from gaiectl.tools import finding, pairing
from gaiectl.tools.catalogue import HELM, HELMFILE, Tool

OLDEST_HELM = (3, 13, 0)
"""The first whose releases can have labels, by which ``gaiectl prereqs`` knows its own."""


def _helm(scene: Scene) -> str:
    found, release = _found(scene, HELM)
    if release_of(release) < OLDEST_HELM:
        raise Failed(
            f"{found.path} is helm {release}; {'.'.join(map(str, OLDEST_HELM))} or newer is needed"
        )
    return f"helm {release} ({found.path})"


def _helmfile(scene: Scene) -> str:
    helmfile = _found(scene, HELMFILE)
    try:
        helm = _found(scene, HELM)
    except finding.ToolMissing:
        raise Failed(f"helmfile {helmfile[1]} needs a helm, and there is none") from None
    try:
        command = pairing.command(helmfile, helm)
    except pairing.Misfit as error:
        raise Failed(error.message, hint=error.hint) from None
    return f"helmfile {helmfile[1]} with helm {helm[1]}: {command}"


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
