"""A client that costs little: what it does itself counts as the servers' time.

A connection is a protocol of asyncio with h11's parser, which httpx stands on: of each piece the
time is taken before anything is done with it. Nothing is sent again but what a connection ate that
had been closed before: gateways close idle ones at any time.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import h11

from gaiectl.checks.gateway import CONNECT_SECONDS
from gaiectl.checks.perf.reading import Reading
from gaiectl.checks.perf.sample import NO_CONNECTION, TIMEOUT, Sample
from gaiectl.checks.target import Endpoint

_CLOSED = "the connection was closed"


class Client:
    """Sends requests and keeps connections; to be closed.

    Args:
        url: of the gateway.
        path: what is asked, by POST.
        endpoints: who may answer.
        seconds: how long an answer may take as a whole.
    """

    def __init__(self, url: str, path: str, endpoints: Sequence[Endpoint], seconds: float) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._head = [("host", parts.netloc.rpartition("@")[2])]
        self._target = parts.path.rstrip("/") + path
        self._endpoints = endpoints
        self._seconds = seconds
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()

    def close(self) -> None:
        """Close all connections, also those in use."""
        for connection in list(self._all):
            connection.close()
        self._all.clear()

    async def ask(self, body: bytes, *, streams: bool) -> Sample:
        """Send a request; whatever happens to it is part of what is returned."""
        began = time.monotonic()
        reading = Reading(began, streams=streams)
        connection: _Connection | None = None
        broken = ""
        try:
            async with asyncio.timeout(self._seconds):
                connection, is_used = await self._connection()
                broken = await connection.ask(self._request(body), body, reading)
                if broken and is_used and not reading.has_begun:
                    self._drop(connection)
                    connection = await self._connect()
                    broken = await connection.ask(self._request(body), body, reading)
        except TimeoutError:
            now = time.monotonic()
            said = f"after {self._seconds:g} s"
            return Sample(seconds=now - began, failure=TIMEOUT, said=said)
        except (OSError, ValueError, h11.ProtocolError) as error:
            said = f"{type(error).__name__}: {error}"[:160]
            return Sample(seconds=time.monotonic() - began, failure=NO_CONNECTION, said=said)
        finally:
            self._put_back(connection)
        ended = connection.ended or time.monotonic()
        if broken and not reading.has_begun:
            return Sample(seconds=ended - began, failure=NO_CONNECTION, said=broken)
        return reading.end(ended, self._endpoints, broken)

    def _request(self, body: bytes) -> h11.Request:
        headers = [
            *self._head,
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
        ]
        return h11.Request(method="POST", target=self._target, headers=headers)

    async def _connection(self) -> "tuple[_Connection, bool]":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection, True
            self._drop(connection)
        return await self._connect(), False

    async def _connect(self) -> "_Connection":
        connecting = asyncio.get_running_loop().create_connection(
            _Connection, self._host, self._port, ssl=self._tls
        )
        try:
            _, made = await asyncio.wait_for(connecting, CONNECT_SECONDS)
        except TimeoutError:
            raise ConnectionError(f"none was made within {CONNECT_SECONDS:g} s") from None
        self._all.add(made)
        return made

    def _put_back(self, connection: "_Connection | None") -> None:
        if connection is None:
            return
        if connection.is_usable:
            self._idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: "_Connection") -> None:
        connection.close()
        self._all.discard(connection)


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self) -> None:
        self._http = h11.Connection(our_role=h11.CLIENT)
        self._transport: asyncio.Transport | None = None
        self._reading: Reading | None = None
        self._answered: asyncio.Future[str] | None = None
        self.ended = 0.0

    @property
    def is_usable(self) -> bool:
        """Another request may be sent."""
        transport = self._transport
        is_open = transport is not None and not transport.is_closing()
        return is_open and self._http.our_state is h11.IDLE and self._answered is None

    async def ask(self, request: h11.Request, body: bytes, reading: Reading) -> str:
        """Send a request; return what broke the answer off, or nothing when it is complete."""
        if self._transport is None or self._transport.is_closing():
            return _CLOSED
        self._reading, self._answered = reading, asyncio.get_running_loop().create_future()
        self.ended = 0.0
        parts = (request, h11.Data(data=body), h11.EndOfMessage())
        self._transport.write(b"".join(self._http.send(part) or b"" for part in parts))
        try:
            return await self._answered
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._reading = self._answered = None

    def close(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        """Keep the way to send."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take the time, then look at what came."""
        now = time.monotonic()
        self._http.receive_data(data)
        self._take(now)

    def eof_received(self) -> None:
        """Hear that nothing more will come, which ends an answer without a length."""
        self._http.receive_data(b"")
        self._take(time.monotonic(), complaint=_CLOSED)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was under way."""
        self._end(f"{type(exc).__name__}: {exc}"[:160] if exc else _CLOSED)

    def _take(self, now: float, complaint: str = "") -> None:
        reading = self._reading
        if reading is None:
            self.close()  # said unasked
            return
        try:
            while True:
                event = self._http.next_event()
                if isinstance(event, h11.Data):
                    reading.hear(event.data, now)
                elif isinstance(event, h11.Response):
                    reading.begin(event.status_code, _headers(event))
                elif isinstance(event, h11.EndOfMessage):
                    self._complete(now)
                    return
                elif not isinstance(event, h11.InformationalResponse):
                    break
        except h11.RemoteProtocolError as error:
            self.close()
            self._end(complaint or f"the answer is not HTTP: {error}"[:160])
            return
        if reading.is_hopeless:
            self.close()
            self._end("it was given up")

    def _complete(self, now: float) -> None:
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.close()
        self.ended = now
        self._end("")

    def _end(self, broken: str) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(broken)


def _headers(response: h11.Response) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
