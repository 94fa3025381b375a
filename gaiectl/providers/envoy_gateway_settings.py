"""What an Envoy Gateway must be told to heed, by the settings of its operator. Pure.

Nothing here writes them: they are changed by the values of its chart, so that all others stay.
"""

from collections.abc import Iterable
from typing import Any

from gaiectl import prereqs
from gaiectl.cluster.gateways import ENVOY_GATEWAY
from gaiectl.documents import Document
from gaiectl.validation.fields import at

GROUP = "gateway.envoyproxy.io"
CHART = prereqs.ENVOY_GATEWAY.charts[0].reference

_PATCHES = "enableEnvoyPatchPolicy"
_SWITCHES = {"Backend": "enableBackend", "EnvoyPatchPolicy": _PATCHES}
_OTHER_NAMES = "XDSNameSchemeV2"


def switches(documents: Iterable[Document]) -> list[str]:
    """Return which of its ``extensionApis`` must be on for these documents."""
    kinds = {
        str(one.get("kind"))
        for one in documents
        if str(one.get("apiVersion", "")).startswith(f"{GROUP}/")
    }
    return [switch for kind, switch in _SWITCHES.items() if kind in kinds]


def objections(settings: Any, documents: Iterable[Document]) -> list[str]:
    """Return what the settings do not allow, or make impossible, of what is to be installed.

    Args:
        settings: of Envoy Gateway; may hold anything.
        documents: of the stack.
    """
    wanted = switches(documents)
    found = [
        f"extensionApis.{switch} is not true"
        for switch in wanted
        if at(settings, "extensionApis", switch) is not True
    ]
    others = at(settings, "runtimeFlags", "enabled")
    if _PATCHES in wanted and isinstance(others, list) and _OTHER_NAMES in others:
        found.append(f"runtimeFlags has {_OTHER_NAMES}: what patches change is called otherwise")
    return found


def fix(problems: Iterable[str]) -> tuple[str, ...]:
    """Return the commands with which Envoy Gateway's operator switches on what is missing."""
    told = " ".join(problems)
    lacking = [switch for switch in _SWITCHES.values() if switch in told]
    return enabling(lacking) if lacking else ()


def enabling(lacking: Iterable[str], version: str = "") -> tuple[str, ...]:
    """Return the commands that switch on some of its ``extensionApis``, and leave all else.

    Args:
        lacking: of ``switches``.
        version: to install where it is not there; empty where it is.
    """
    sets = " ".join(f"--set config.envoyGateway.extensionApis.{one}=true" for one in lacking)
    new = f"--install --create-namespace --version {version} " if version else ""
    deployment = f"deployment/envoy-gateway -n {ENVOY_GATEWAY}"
    return (
        f"helm upgrade eg {CHART} -n {ENVOY_GATEWAY} {new}--reset-then-reuse-values {sets}",
        f"kubectl rollout restart {deployment}",  # it reads its settings when it starts
        f"kubectl rollout status {deployment}",
    )
