"""Endpoint Pickers of a stack, their pods, and what these tell of themselves."""

from typing import Any

from gaiectl.checks.cluster.check import Skipped
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.cluster.tunnel import Answer, ask
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.tokens import token_of_pod
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.epps import Epp, epps
from gaiectl.validation.fields import name_of, namespace_of, pairs

_METRICS_PORT = 9090


def pickers_of(scene: Scene) -> list[Epp]:
    """Return the stack's Endpoint Pickers.

    Raises:
        Skipped: it has none.
    """
    found = list(epps(scene.stream))
    if not found:
        raise Skipped("the stack has no Endpoint Picker")
    return found


def pods_of(scene: Scene, epp: Epp) -> list[Document]:
    """Return the pods of an Endpoint Picker."""
    labels = pairs(epp.pods.owner, "spec", "selector", "matchLabels")
    return scene.pods(epp.pods.namespace, labels or epp.pods.labels)


def elects_leader(epp: Epp) -> bool:
    """Tell whether only one of its pods is to be ready."""
    return epp.flags.get("ha-enable-leader-election", "false") != "false"


def state_of(scene: Scene) -> Any:
    """Return what the first Endpoint Picker that is ready tells of itself.

    Raises:
        Skipped: none does.
    """
    for epp in pickers_of(scene):
        for pod in pods_of(scene, epp):
            if is_ready(pod):
                return told_by(scene, epp, pod)
    raise Skipped("no Endpoint Picker is ready")


def told_by(scene: Scene, epp: Epp, pod: Document) -> Any:
    """Return what the Endpoint Picker in a pod tells of itself.

    Raises:
        Skipped: it tells nothing of the kind, as those in Go.
    """

    def asked() -> Any:
        answer = page(scene, epp, pod, "/debug/state")
        if answer.status in (401, 403):
            answer = page(scene, epp, pod, "/debug/state", token=_token(scene, pod))
        if answer.status in (401, 403):
            raise Skipped(f"{name_of(pod)} does not show /debug/state: {answer.short}")
        if answer.status != 200 or not isinstance(answer.json, dict):
            raise Skipped(f"{name_of(pod)} has no /debug/state: {answer.status}")
        return answer.json

    return scene.once(("state", namespace_of(pod), name_of(pod)), asked)


def _token(scene: Scene, pod: Document) -> str:
    try:
        return token_of_pod(scene.cluster, pod)
    except GaieError as error:
        raise Skipped(error.message, hint=error.hint) from None


def page(scene: Scene, epp: Epp, pod: Document, path: str, *, token: str = "") -> Answer:
    """Return what an Endpoint Picker in a pod answers on its metrics port.

    Raises:
        Failed: it does not answer.
        GaieError: the cluster does not lead there.
    """
    told = epp.flags.get("metrics-port", "")
    port = int(told) if told.isdecimal() else _METRICS_PORT
    scheme = "https" if epp.flags.get("metrics-cert-dir") else "http"
    return ask(scene, pod, port, path, scheme=scheme, token=token)
