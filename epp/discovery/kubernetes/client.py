"""One API server: requests, streams, and whether it can be reached.

The watch of kubernetes.aio gives up after a second 410, bounds no line and cannot tell a dead
connection from a quiet one; so its credentials and its REST client are used, and no more.
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import orjson

from epp.discovery.kubernetes.credentials import NoCredentials
from epp.discovery.kubernetes.figures import Figures

logger = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024 * 1024
"""Of one answer; a page of objects is a few megabytes at most."""

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 15.0
_PULSE_SECONDS = 10.0
_RENEW_SECONDS = 5.0
_MOST_MESSAGE = 600


class ApiError(Exception):
    """The API server did not do what was asked.

    Attributes:
        status: HTTP status; 0 when no answer came.
        retry_after: seconds that the server asks to wait; 0 when it does not.
    """

    def __init__(self, status: int, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message[:_MOST_MESSAGE])
        self.status = status
        self.retry_after = retry_after


class ApiServer:
    """The API server as everything here sees it.

    Args:
        load: reads the credentials, as a ``kubernetes.aio`` configuration; asked again when the
            server refuses them.
        figures: show whether it can be reached, and count what it refuses.
        pulse_seconds: how long nothing may be heard of it before it is asked for a sign of life,
            for which it has half of that time.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[Any]],
        figures: Figures,
        *,
        pulse_seconds: float = _PULSE_SECONDS,
    ) -> None:
        self._load = load
        self.figures = figures
        self._pulse_seconds = pulse_seconds
        self._rest: Any = None
        self._configuration: Any = None
        self._renewed_at = 0.0
        self._heard_at = 0.0
        self._lost_at = 0.0
        self._is_reachable: bool | None = None
        self._lifelines: set[asyncio.Timeout] = set()
        self._pulse: asyncio.Task[None] | None = None
        self._back = asyncio.Event()

    @property
    def is_reachable(self) -> bool:
        """Whether it answered when it was last asked."""
        return self._is_reachable is True

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._configuration.host) if self._configuration else "unknown"

    async def start(self) -> None:
        """Read the credentials and begin to feel the pulse; does not wait for the server.

        Raises:
            NoCredentials: there are none.
        """
        await self._renew()
        self._pulse = asyncio.create_task(self._feel_pulse())

    async def stop(self) -> None:
        """Close all connections."""
        pulse, self._pulse = self._pulse, None
        if pulse is not None:
            pulse.cancel()
            await asyncio.wait([pulse])
        if self._rest is not None:
            await self._rest.close()

    async def get(
        self, path: str, parameters: Mapping[str, str | int] | None = None
    ) -> dict[str, Any]:
        """Return an object or a list.

        Raises:
            ApiError: any other answer than success, or none.
        """
        return await self._call("GET", path, parameters)

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create (POST), replace (PUT) or merge into (PATCH) an object; return what became of it.

        Raises:
            ApiError: any other answer than success, or none.
        """
        return await self._call(method, path, body=body)

    @asynccontextmanager
    async def stream(
        self, path: str, parameters: Mapping[str, str | int], *, silence_seconds: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a long answer, for example of a watch, as pieces of bytes.

        Args:
            path: what is asked for.
            parameters: of the query.
            silence_seconds: the connection is given up when nothing comes for so long.

        Raises:
            ApiError: any other answer than success, none, or an end in the middle.
        """
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=silence_seconds
        )
        response = await self._open("GET", path, parameters, None, timeout)
        try:
            async with asyncio.timeout(None) as lifeline:
                self._lifelines.add(lifeline)
                try:
                    yield self._pieces(response)
                finally:
                    self._lifelines.discard(lifeline)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiError(0, f"the connection to {self.url} broke: {_reason(error)}") from error
        finally:
            # At once: a peer that went silent would not take part in an orderly end.
            if response.connection is not None and response.connection.transport is not None:
                response.connection.transport.abort()
            response.close()

    async def rest(self, seconds: float) -> None:
        """Wait so long, but not beyond the moment when a lost server is back."""
        if self._is_reachable is not False:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._back.wait()

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        async for piece in response.content.iter_any():
            self._hear()
            yield piece

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS, sock_connect=_CONNECT_SECONDS)
        response = await self._open(method, path, parameters, body, timeout)
        try:
            answer = orjson.loads(await _read(response))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiError(0, f"the answer of {self.url} broke off: {_reason(error)}") from error
        except ValueError as error:
            raise ApiError(0, f"{self.url} answered no JSON: {error}") from error
        finally:
            response.close()
        if not isinstance(answer, dict):
            raise ApiError(0, f"{self.url} answered no object")
        return answer

    async def _open(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        """Send a request; return the answer if it is a success."""
        if self._rest is None:
            raise ApiError(0, "the credentials for the API server have not been read yet")
        query = "?" + urlencode(parameters, quote_via=quote) if parameters else ""
        url = f"{self._configuration.host}{path}{query}"
        is_merge = method == "PATCH"
        kind = "application/merge-patch+json" if is_merge else "application/json"
        headers = {"Accept": "application/json", "Content-Type": kind, "User-Agent": "gaiectl-epp"}
        try:
            for setting in (await self._configuration.auth_settings()).values():
                headers[setting["key"]] = setting["value"]
            # Until the headers came; kubernetes.aio hands the timeout on to aiohttp as it is.
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await self._rest.request(
                    method, url, headers=headers, body=body, _request_timeout=timeout
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = _reason(error)
            self._miss(reason)
            if isinstance(error, (ssl.SSLError, aiohttp.ClientSSLError)):
                await self._renew_quietly()
            raise ApiError(0, f"cannot reach {self.url}: {reason}") from error
        response: aiohttp.ClientResponse = answer.response
        self._hear()
        if response.status < 300:
            return response
        try:
            refusal = await _refusal(response)
        finally:
            response.close()
        if response.status == 401:
            await self._renew_quietly()
        raise refusal

    async def _renew(self) -> None:
        from kubernetes.aio.client.rest import RESTClientObject  # noqa: PLC0415 - see credentials

        self._renewed_at = time.monotonic()
        configuration = await self._load()
        try:
            rest = RESTClientObject(configuration)
        except (OSError, ssl.SSLError) as error:
            raise NoCredentials(f"the certificates cannot be used: {error}") from error
        old, self._rest, self._configuration = self._rest, rest, configuration
        if old is not None:
            await old.close()

    async def _renew_quietly(self) -> None:
        """Read the credentials again; those in use stay when that fails."""
        if time.monotonic() - self._renewed_at < _RENEW_SECONDS:
            return
        try:
            await self._renew()
        except NoCredentials as error:
            logger.warning("cannot read the credentials again: %s", error)

    async def _feel_pulse(self) -> None:
        """Notice a server that went silent, and one that came back."""
        while True:
            await asyncio.sleep(self._pulse_seconds)
            if time.monotonic() - self._heard_at < self._pulse_seconds:
                continue
            try:
                async with asyncio.timeout(self._pulse_seconds / 2):
                    await self.get("/version")
            except TimeoutError:
                self._miss("no answer in time")
                self._cut()
            except ApiError as error:
                if not error.status:
                    self._cut()
            except Exception:
                logger.exception("cannot feel the pulse of the API server")

    def _cut(self) -> None:
        """End all streams: they go to the same place, and half-open connections hang for long."""
        for lifeline in self._lifelines:
            lifeline.reschedule(0)

    def _hear(self) -> None:
        self._heard_at = time.monotonic()
        if self._is_reachable:
            return
        if self._is_reachable is False:
            seconds = self._heard_at - self._lost_at
            logger.info("the API server %s is back after %.1f s", self.url, seconds)
        self._is_reachable = True
        self.figures.is_reachable = True
        self._back.set()

    def _miss(self, reason: str) -> None:
        if self._is_reachable is False:
            return
        self._is_reachable = False
        self._lost_at = time.monotonic()
        self.figures.is_reachable = False
        self._back.clear()
        logger.warning(
            "cannot reach the API server %s (%s); what is known stays in use", self.url, reason
        )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > MOST_BYTES:
            raise aiohttp.ClientPayloadError(f"more than {MOST_BYTES} bytes")
        parts.append(piece)
    return b"".join(parts)


async def _refusal(response: aiohttp.ClientResponse) -> ApiError:
    """Return the error that an answer stands for; its text is that of the Status object in it."""
    text = response.reason or ""
    try:
        status = orjson.loads(await _read(response))
        text = str(status.get("message") or text)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, AttributeError):
        pass
    try:
        wait = float(response.headers.get("Retry-After", "0"))
    except ValueError:
        wait = 0.0
    return ApiError(response.status, text, wait if 0 <= wait < 60 else 0.0)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text or (
        "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    )
