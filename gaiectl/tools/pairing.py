"""Which releases of helmfile and Helm go together, and how to call them so on this machine.

Tried with the programs: helmfile 0.166.0 with Helm 3.15.3, helmfile 1.8.0 with that and with Helm
4.3.1. Before 1.2.0 helmfile runs ``helm version --client``, which Helm 4 does not know, and ends
(helmfile/helmfile#2268).
"""

import shlex

from gaiectl.errors import GaieError
from gaiectl.tools import finding
from gaiectl.tools.catalogue import HELM, HELM3
from gaiectl.tools.finding import Found, Source

OLDEST_HELMFILE = (0, 166, 0)
"""The first that our helmfiles are tried with."""
FIRST_HELMFILE_FOR_HELM_4 = (1, 2, 0)

Known = tuple[Found, str]
"""A program and the release that it says it is, like ``4.3.1``."""


class Misfit(GaieError):
    """A helmfile and a Helm do not go together."""


def command(helmfile: Known, helm: Known) -> str:
    """Return, for a shell, what calls this helmfile so that it uses this Helm.

    Raises:
        Misfit: they do not go together.
    """
    program, release = helmfile
    _, of_helm = helm
    what = f"helmfile {release} ({program.path})"
    if _numbers(release) < OLDEST_HELMFILE:
        raise Misfit(
            f"{what} is older than {_text(OLDEST_HELMFILE)}, the first that is known to do",
            hint=f"take helmfile {_text(FIRST_HELMFILE_FOR_HELM_4)} or newer",
        )
    if _numbers(of_helm) >= (4,) and _numbers(release) < FIRST_HELMFILE_FOR_HELM_4:
        raise Misfit(
            f"{what} does not work with helm {of_helm}",
            hint=f"take helmfile {_text(FIRST_HELMFILE_FOR_HELM_4)} or newer, "
            f"or give it Helm 3: {_with_helm3(program)}",
        )
    return _call(program, helm[0])


def _with_helm3(helmfile: Found) -> str:
    try:
        return _call(helmfile, finding.find(HELM3))
    except finding.ToolMissing:
        return "helmfile --helm-binary HELM3, after gaiectl tools install helm3"


def _call(helmfile: Found, helm: Found) -> str:
    """Return the command; by itself helmfile takes the ``helm`` of PATH."""
    words = [helmfile.tool.program if helmfile.source is Source.PATH else str(helmfile.path)]
    if helm.tool is not HELM or helm.source is not Source.PATH:
        words += ["--helm-binary", str(helm.path)]
    return shlex.join(words)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.partition("-")[0].split(".")))


def _text(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
