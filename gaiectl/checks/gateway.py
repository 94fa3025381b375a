"""The client of the checks: every exchange is kept, also the part of it that failed.

Nothing is repeated and nothing raised for a bad answer: whether that is a failure is for the check
to say. httpx is imported where it is used, for it costs more than all else a short command does.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from gaiectl.checks.check import Failed
from gaiectl.checks.target import Endpoint, Target

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""How long a server may be silent in the middle of an exchange before it counts as stuck."""

SERVED_HEADER = "x-gateway-destination-endpoint-served"

_SHOWN = 300


@dataclass(slots=True)
class Answer:
    """What came back for one request.

    Attributes:
        request: method and path, for messages.
        status: of the answer; None when none began.
        headers: of the answer, with lower-case names.
        chunks: pieces of the body as they arrived, with seconds since the request was sent.
        broken: what ended the exchange before its time; empty when it is complete.
        endpoint: name of the endpoint that answered; empty when nobody said.
        seconds: from the first byte sent to the last one received.
    """

    request: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    broken: str = ""
    endpoint: str = ""
    seconds: float = 0.0

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(chunk for _, chunk in self.chunks)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def milliseconds(self) -> str:
        """The duration, for people."""
        return f"{self.seconds * 1000:.0f} ms"

    @property
    def by(self) -> str:
        """Who answered, for people."""
        return self.endpoint or "an endpoint"

    @property
    def is_success(self) -> bool:
        """A complete answer with status 200."""
        return self.status == 200 and not self.broken

    def described(self) -> str:
        """Say in one line what came back."""
        if self.status is None:
            return f"{self.request}: no answer ({self.broken})"
        said = " ".join(self.text.split())
        said = said if len(said) <= _SHOWN else said[:_SHOWN] + "..."
        by = f" by {self.endpoint}" if self.endpoint else ""
        cut = f", cut off ({self.broken})" if self.broken else ""
        return f"{self.request}: {self.status}{by}{cut}: {said or '(an empty body)'}"

    def require(self, status: int = 200) -> Self:
        """Return the answer itself if it is complete and has this status.

        Raises:
            Failed: it is not.
        """
        if self.status != status or self.broken:
            raise Failed(f"expected {status}; {self.described()}")
        return self

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            Failed: it is none.
        """
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise Failed(f"the body is not JSON; {self.described()}") from error
        if not isinstance(value, dict):
            raise Failed(f"the body is not a JSON object; {self.described()}")
        return value


def answered_by(headers: Mapping[str, str], endpoints: Sequence[Endpoint]) -> str:
    """Return who answered, by the headers of the answer; empty when they do not say.

    The model server's own words come first (``x-inference-pod`` and ``x-inference-port``, as
    llm-d-inference-sim sends them), then the gateway's.
    """
    if pod := headers.get("x-inference-pod"):
        return pod
    port, served = headers.get("x-inference-port"), headers.get(SERVED_HEADER)
    for endpoint in endpoints:
        if (port and endpoint.host_port.endswith(f":{port}")) or served == endpoint.host_port:
            return endpoint.name
    return served or (f"port {port}" if port else "")


class Gateway:
    """Sends requests to the gateway of a target, as many at a time as one likes."""

    def __init__(self, target: Target) -> None:
        import httpx  # noqa: PLC0415 - see the module's docstring

        self._url = target.gateway_url
        self._model = target.model
        self._endpoints = target.endpoints
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def get(
        self, path: str, *, headers: Mapping[str, str] | None = None, root: str = ""
    ) -> Answer:
        """Ask with GET; ``root`` replaces the gateway's URL."""
        return await self._exchange("GET", (root or self._url) + path, None, headers)

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | bytes,
        *,
        headers: Mapping[str, str] | None = None,
        root: str = "",
    ) -> Answer:
        """Ask with POST: an object as JSON, bytes as they are."""
        content = json.dumps(body).encode() if isinstance(body, Mapping) else body
        given = {"content-type": "application/json", **(headers or {})}
        return await self._exchange("POST", (root or self._url) + path, content, given)

    async def complete(
        self,
        prompt: str,
        *,
        max_tokens: int = 8,
        model: str = "",
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        root: str = "",
        **more: Any,
    ) -> Answer:
        """Ask for a completion; ``more`` are further fields of the request."""
        body = {
            **more,
            "model": model or self._model,
            "prompt": prompt,
            "max_tokens": max_tokens,
            "stream": stream,
        }
        return await self.post("/v1/completions", body, headers=headers, root=root)

    async def _exchange(
        self,
        method: str,
        url: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        import httpx  # noqa: PLC0415 - see the module's docstring

        answer = Answer(f"{method} {httpx.URL(url).path}")
        began = time.monotonic()
        try:
            async with self._client.stream(
                method, url, content=content, headers=headers
            ) as response:
                answer.status, answer.headers = response.status_code, response.headers
                answer.endpoint = answered_by(response.headers, self._endpoints)
                async for chunk in response.aiter_raw():
                    answer.chunks.append((time.monotonic() - began, chunk))
        except (httpx.TransportError, httpx.StreamError) as error:
            answer.broken = f"{type(error).__name__}: {error}".rstrip(": ")
        answer.seconds = time.monotonic() - began
        return answer
