"""What an EPP in a pod knows of its endpoints: asked at /debug/state, through the API server."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.bodies import TooLong, whole
from gaiectl.cluster.port_forward import forwarded
from gaiectl.cluster.rights import NotAllowed
from gaiectl.cluster.tokens import token_of_pod
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.operations.epp_pods import metrics_port

if TYPE_CHECKING:
    import httpx

_SECONDS = 5.0
_WHOLE_SECONDS = 20.0
_MOST_BYTES = 32 << 20
_MOST_SHOWN = 300


class Load(NamedTuple):
    """An endpoint as the EPP sees it.

    Attributes:
        name: ``namespace/pod-rank-0``.
        address: ``10.0.0.1:8000``.
        is_reachable: its metrics can be read.
        running: requests that it works on; None if it does not tell.
        waiting: requests that wait in it.
        kv_usage: 0 to 1.
    """

    name: str
    address: str
    is_reachable: bool
    running: float | None
    waiting: float | None
    kv_usage: float | None


class Loads(NamedTuple):
    """The endpoints of an EPP.

    Attributes:
        endpoints: by name; empty if they are not known.
        unknown: why they are not known; empty if they are.
        unmet: what the EPP itself says that it waits for.
    """

    endpoints: Sequence[Load] = ()
    unknown: str = ""
    unmet: str = ""


def ask(cluster: Cluster, pod: Document) -> Loads:
    """Return what the EPP in a pod knows; why not, if it does not tell: never an error.

    Where it asks who reads, it is shown a token of its own account, made for ten minutes.
    """
    import httpx  # noqa: PLC0415 - 100 ms, and only EPPs that run are asked

    metadata, port = pod["metadata"], metrics_port(pod)
    if port.wants_certificate:
        return Loads(unknown="its EPP asks who reads for a certificate")
    where = (metadata["namespace"], metadata["name"], port.number)
    try:
        with (
            forwarded(cluster.connection, *where) as forward,
            # The cluster says whom we talk to, not the certificate.
            httpx.Client(verify=False, trust_env=False, timeout=_SECONDS) as client,  # noqa: S501 - see above
        ):
            url = f"{port.scheme}://127.0.0.1:{forward.local_port}/debug/state"
            status, held = _got(client, url)
            if status in (401, 403):
                status, held = _got(client, url, token_of_pod(cluster, pod))
    except TooLong as error:
        return Loads(unknown=f"its EPP {error}")
    except httpx.HTTPError as error:
        return Loads(unknown=f"its EPP does not answer: {error}")
    except NotAllowed as error:
        return Loads(unknown=f"its EPP asks for a token, and {error.message}; {error.hint}")
    except GaieError as error:
        return Loads(unknown=error.message)
    if status in (401, 403):
        said = " ".join(held[:_MOST_SHOWN].decode("utf-8", "replace").split())
        return Loads(unknown=f"its EPP does not show it: {said}")
    if status != 200:
        return Loads(unknown=_REFUSED.get(status, f"{status}"))
    return read(held)


def _got(client: "httpx.Client", url: str, token: str = "") -> tuple[int, bytes]:
    """Return status and body of an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with client.stream("GET", url, headers=headers) as answer:
        held = whole(answer, most_bytes=_MOST_BYTES, seconds=_WHOLE_SECONDS)
        return answer.status_code, held


def read(answer: bytes) -> Loads:
    """Return the endpoints in the answer of /debug/state."""
    try:
        state = json.loads(answer)
        listed = state["pool"]["endpoints"]
        loads = [_load(one) for one in listed]
        unmet = str(state.get("unmet") or "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Loads(unknown="its EPP answers with something else than its state")
    return Loads(sorted(loads), unmet=unmet)


def _load(told: Mapping[str, Any]) -> Load:
    return Load(
        name=str(told["endpoint"]),
        address=str(told.get("address", "")),
        is_reachable=bool(told.get("isReachable")),
        running=_number(told.get("runningRequests")),
        waiting=_number(told.get("waitingRequests")),
        kv_usage=_number(told.get("kvCacheUsage")),
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


_REFUSED = {
    404: "its EPP does not tell: it is not gaiectl's, or has no debug pages",
}
