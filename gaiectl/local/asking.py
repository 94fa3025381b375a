"""Questions over the network: is it ready, how is it doing. Every answer comes within seconds.

httpx is imported where it is used, for it costs more than all else a short command does.
"""

import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

EXT_PROC = "envoy.service.ext_proc.v3.ExternalProcessor"

_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"


def check_installation() -> None:
    """Raise ModuleNotFoundError unless a gRPC server can be asked."""
    _client(http2=True)


def get(url: str, *, timeout_seconds: float = 2) -> "httpx.Response | None":
    """Return the answer to a GET, or None when there is none."""
    return _ask("GET", url, timeout_seconds)


def post(
    url: str, body: Mapping[str, Any] | None = None, *, timeout_seconds: float = 10
) -> "httpx.Response | None":
    """Return the answer to a POST of JSON, or None when there is none."""
    return _ask("POST", url, timeout_seconds, body)


def delete(url: str) -> "httpx.Response | None":
    """Return the answer to a DELETE, or None when there is none."""
    return _ask("DELETE", url, 10)


def get_all(urls: Sequence[str], *, timeout_seconds: float = 2) -> "list[httpx.Response | None]":
    """Ask all at once; the answers stand in the order of the URLs."""
    with _threads(urls) as pool:
        return list(pool.map(partial(get, timeout_seconds=timeout_seconds), urls))


def all_ready(server_urls: Sequence[str]) -> list[bool]:
    """Ask all model servers at once whether they are ready."""
    with _threads(server_urls) as pool:
        return list(pool.map(is_ready, server_urls))


def is_ready(server_url: str) -> bool:
    """Tell whether a model server takes requests.

    The first path it knows decides: the simulator's readiness, vLLM's health, or the list of
    models that every OpenAI-compatible server has.
    """
    for path in ("/health/ready", "/health", "/v1/models"):
        answer = get(server_url + path)
        if answer is None:
            return False
        if answer.status_code not in (404, 405):
            return answer.is_success
    return False


def models(server_url: str) -> list[str]:
    """Return the names of the models a server offers; empty when it does not say."""
    answer = get(server_url + "/v1/models")
    try:
        return [str(model["id"]) for model in answer.json()["data"]] if answer else []
    except (ValueError, KeyError, TypeError):
        return []


def is_serving(host: str, port: int, service: str = EXT_PROC) -> bool:
    """Ask a gRPC server's health service (grpc.health.v1) whether ``service`` is SERVING.

    A gRPC message is a length-prefixed protobuf message in an HTTP/2 POST: the request is a string
    in field 1, the answer's field 1 is the status.
    """
    import httpx  # noqa: PLC0415 - see the module's docstring

    name = service.encode()
    message = bytes([0x0A, len(name)]) + name
    try:
        answer = _client(http2=True).post(
            f"http://{host}:{port}{_HEALTH_CHECK}",
            content=b"\0" + len(message).to_bytes(4, "big") + message,
            headers={"content-type": "application/grpc", "te": "trailers"},
            timeout=2,
        )
    except httpx.TransportError:
        return False
    return answer.content[5:] == _SERVING


@cache
def _client(*, http2: bool = False) -> "httpx.Client":
    """The one client; it keeps no connection, for those asked come and go.

    Only plain HTTP is spoken, so the certificates of the system, which take long, are not loaded.
    """
    import httpx  # noqa: PLC0415 - see the module's docstring

    try:
        return httpx.Client(
            http1=not http2,
            http2=http2,
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
    except ImportError as error:
        raise ModuleNotFoundError(str(error), name="h2") from error


def _threads(urls: Sequence[str]) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=max(1, min(len(urls), 16)))


def _ask(
    method: str, url: str, timeout_seconds: float, body: Mapping[str, Any] | None = None
) -> "httpx.Response | None":
    import httpx  # noqa: PLC0415 - see the module's docstring

    try:
        return _client().request(method, url, json=body, timeout=timeout_seconds)
    except httpx.TransportError:
        return None
