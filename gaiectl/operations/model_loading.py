"""Whether model servers whose pods are ready serve a model yet.

A pod without a probe of its model server is ready as soon as its process runs, minutes before
the weights are loaded. Such pods are other people's: those that we render have probes.
"""

import json
from collections.abc import Sequence
from typing import Any

from gaiectl.cluster import bodies
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.port_forward import forwarded
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.epps import selections
from gaiectl.validation.fields import name_of, namespace_of, parts, whole
from gaiectl.validation.stream import Stream

_ASKED_AT_MOST = 3
_SECONDS = 5.0
_MOST_BYTES = 1 << 20


def still_loading(cluster: Cluster, documents: Sequence[Document], pods: Sequence[Document]) -> str:
    """Return why ready pods serve no model, if that may come; empty if one does, or none will.

    A few pods are asked, each by itself. Who declares ports, but not the one that requests go to,
    will not listen there however long it loads.

    Args:
        cluster: where they run.
        documents: of the stack; they tell where requests go.
        pods: those that are served.
    """
    port = next((one for of in selections(Stream(list(documents))) for one in of.ports), 0)
    reasons = []
    for pod in [pod for pod in pods if is_ready(pod) and _may_listen(pod, port)][:_ASKED_AT_MOST]:
        reason = _lacks_model(cluster, pod, port)
        if not reason:
            return ""
        reasons.append(reason)
    return reasons[0] if reasons else ""


def _may_listen(pod: Document, port: int) -> bool:
    containers = (*parts(pod, "spec", "initContainers"), *parts(pod, "spec", "containers"))
    declared = {whole(one, "containerPort") for each in containers for one in parts(each, "ports")}
    return bool(port) and (not declared or port in declared)


def _lacks_model(cluster: Cluster, pod: Document, port: int) -> str:
    import httpx  # noqa: PLC0415 - it costs more than all else a short command does

    what = f"pod {name_of(pod)} is ready, but its model server"
    try:
        with forwarded(cluster.connection, namespace_of(pod), name_of(pod), port) as forward:
            url = f"http://127.0.0.1:{forward.local_port}/v1/models"
            with httpx.stream("GET", url, timeout=_SECONDS, trust_env=False) as answer:
                listed = bodies.whole(answer, most_bytes=_MOST_BYTES, seconds=_SECONDS)
    except httpx.TransportError:
        return f"{what} does not answer on port {port}"
    except (GaieError, bodies.TooLong, httpx.HTTPError):
        return ""  # not known
    if answer.status_code == httpx.codes.OK and _lists_none(listed):
        return f"{what} lists no model"
    return f"{what} answers 503" if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else ""


def _lists_none(body: bytes) -> bool:
    try:
        listed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(listed, dict) and listed.get("data") == []
