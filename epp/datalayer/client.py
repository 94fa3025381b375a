"""A small HTTP/1.1 client for servers that belong to the EPP: JSON in, JSON out, connections kept.

General clients cost several times the CPU of everything else that is done for a prediction.
"""

import asyncio
import ssl
from urllib.parse import urlsplit

from epp.datalayer.connection import Connection
from epp.datalayer.http1 import BadResponse, Response

MOST_IDLE = 64


class Lost(OSError):
    """The connection ended before an answer did."""


class Client:
    """Talks to one server.

    Args:
        url: ``http://host:port``, with a path in front of every other if it has one.

    Raises:
        ValueError: the URL cannot be used.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https URL")
        self.url = url.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._prefix = parts.path.rstrip("/")
        self._idle: list[_Exchange] = []
        self._is_closed = False

    async def post(self, path: str, body: bytes) -> Response:
        """Send JSON and return the answer, whatever its status.

        Raises:
            OSError: the server cannot be reached, or ended the connection.
            BadResponse: what it answers is not HTTP.
        """
        head = (
            f"POST {self._prefix}{path} HTTP/1.1\r\nHost: {self._authority}\r\n"
            "User-Agent: gaiectl-epp\r\nAccept: application/json\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        request = head.encode() + body
        while self._idle:
            exchange = self._idle.pop()
            if exchange.is_open:
                try:
                    return await self._over(exchange, request)
                except Lost as error:
                    if exchange.was_answering:
                        raise
                    # The server closed it while it was idle: others will be closed too.
                    del error
        return await self._over(await self._open(), request)

    def close(self) -> None:
        """Drop all connections."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().connection.close()

    async def _open(self) -> "_Exchange":
        exchange = _Exchange()
        await asyncio.get_running_loop().create_connection(
            lambda: exchange.connection, self._host, self._port, ssl=self._tls
        )
        return exchange

    async def _over(self, exchange: "_Exchange", request: bytes) -> Response:
        try:
            response = await exchange.ask(request)
        except BaseException:
            exchange.connection.close()
            raise
        if response.is_reusable and not self._is_closed and len(self._idle) < MOST_IDLE:
            self._idle.append(exchange)
        else:
            exchange.connection.close()
        return response


class _Exchange:
    """One connection, and who waits for its answer."""

    def __init__(self) -> None:
        self.connection = Connection(self)
        self.is_open = True
        self.was_answering = False
        self._answer: asyncio.Future[Response] | None = None

    async def ask(self, request: bytes) -> Response:
        """Send a request and return its answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self.connection.ask(request)
        return await self._answer

    def answered(self, response: Response) -> None:
        """See ``Asker``."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(response)

    def garbled(self, error: BadResponse) -> None:
        """See ``Asker``."""
        self._fail(error)

    def lost(self, *, is_silent: bool) -> None:
        """See ``Asker``."""
        self.was_answering = not is_silent
        self._fail(Lost("the connection ended before the answer did"))

    def _fail(self, error: Exception) -> None:
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
