"""What a pod shows by HTTP, read through the API server.

httpx is imported where it is used, for it costs more than all else a short command does.
"""

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.bodies import TooLong, whole
from gaiectl.cluster.port_forward import forwarded
from gaiectl.documents import Document
from gaiectl.errors import GaieError

_SECONDS = 15.0
_WHOLE_SECONDS = 60.0
_MOST_BYTES = 64 << 20
_SHOWN = 200


class NotShown(GaieError):
    """A pod does not show what was asked for.

    Attributes:
        status: of HTTP; 0 when nothing was answered.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message, hint="see the log of that pod")
        self.status = status


def read(
    cluster: Cluster, pod: Document, port: int, place: str, *, scheme: str = "http", token: str = ""
) -> bytes:
    """Return a page of a pod.

    Raises:
        NotShown: it does not answer, or not with 200, or with too much.
        GaieError: the cluster does not lead there.
    """
    import httpx  # noqa: PLC0415 - see the module's docstring

    metadata = pod["metadata"]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with forwarded(cluster.connection, metadata["namespace"], metadata["name"], port) as forward:
        url = f"{scheme}://127.0.0.1:{forward.local_port}{place}"
        try:
            with (
                # Whom we talk to is told by the API server, not by a certificate.
                httpx.Client(verify=False, trust_env=False, timeout=_SECONDS) as client,  # noqa: S501 - see above
                client.stream("GET", url, headers=headers) as answer,
            ):
                if answer.status_code != 200:
                    held = next(answer.iter_bytes(_SHOWN), b"")
                    said = " ".join(held.decode("utf-8", "replace").split())
                    raise NotShown(
                        f"port {port} answers {answer.status_code} {said}".rstrip(),
                        status=answer.status_code,
                    )
                return whole(answer, most_bytes=_MOST_BYTES, seconds=_WHOLE_SECONDS)
        except TooLong as error:
            raise NotShown(f"port {port} {error}") from None
        except httpx.HTTPError as error:
            told = " ".join((forward.complaint or str(error)).split())[:200]
            raise NotShown(f"port {port} does not answer: {told}") from None
