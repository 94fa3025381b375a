"""HTTP to a port of a pod, through the API server.

httpx is imported where it is used, for it costs more than all else a short command does.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from gaiectl.checks.cluster.check import Failed
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster.bodies import TooLong, whole
from gaiectl.cluster.port_forward import forwarded
from gaiectl.documents import Document
from gaiectl.validation.fields import name_of, namespace_of

_SECONDS = 15.0
_WHOLE_SECONDS = 60.0
_MOST_BYTES = 8 << 20


class Answer(NamedTuple):
    """What a pod answered.

    Attributes:
        status: of HTTP.
        headers: with lower-case names.
        body: as text.
        milliseconds: from the request to its end.
    """

    status: int
    headers: Mapping[str, str]
    body: str
    milliseconds: float

    @property
    def json(self) -> Any:
        """The body as a value; None when it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def short(self) -> str:
        """Status and beginning of the body, in one line."""
        text = "".join(c if c.isprintable() else " " for c in self.body[:300])
        return f"{self.status} {' '.join(text.split())}".strip()


def ask(
    scene: Scene,
    pod: Document,
    port: int,
    path: str,
    *,
    scheme: str = "http",
    body: Mapping[str, Any] | None = None,
    token: str = "",
) -> Answer:
    """Ask a port of a pod; with a body by POST.

    Raises:
        Failed: it does not answer.
        GaieError: the cluster does not lead there.
    """
    import httpx  # noqa: PLC0415 - see the module's docstring

    place, name = namespace_of(pod), name_of(pod)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with forwarded(scene.cluster.connection, place, name, port) as forward:
        url = f"{scheme}://127.0.0.1:{forward.local_port}{path}"
        # Whom we talk to is told by the API server, not by a certificate.
        with httpx.Client(verify=False, timeout=_SECONDS, trust_env=False) as client:  # noqa: S501 - see above
            method = "GET" if body is None else "POST"
            try:
                with client.stream(method, url, json=body, headers=headers) as response:
                    read = whole(response, most_bytes=_MOST_BYTES, seconds=_WHOLE_SECONDS)
                    text = read.decode("utf-8", "replace")
                spent = response.elapsed.total_seconds() * 1000
                return Answer(response.status_code, response.headers, text, spent)
            except TooLong as error:
                raise Failed(f"port {port} of pod {place}/{name} {error}") from None
            except httpx.HTTPError as error:
                why = " ".join((forward.complaint or str(error)).split())[:200]
                raise Failed(f"port {port} of pod {place}/{name} does not answer: {why}") from None
