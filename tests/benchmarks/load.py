"""Load: completions as fast as they go (wrk), long prompts with streamed answers, held streams."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvloop
from parts import HOST, Gateway
from stand_ins import DATA, MODEL

from gaiectl.errors import GaieError

CONNECTIONS = 32
BYTES_PER_TOKEN = 4
_STREAM_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Completions:
    """What wrk saw.

    Attributes:
        requests: answered with 200.
        per_second: of them.
        p50_ms: median latency.
        p99_ms: latency that one in a hundred exceeds.
    """

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float


def completions(gateway: Gateway, seconds: float, prompt_tokens: int = 72) -> Completions:
    """Send completions over 32 connections, each as soon as the one before is answered.

    Raises:
        GaieError: wrk is missing, or a request failed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise GaieError("wrk is not on PATH", hint="install it: apt-get install wrk")
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"]
    command += ["-s", str(DATA / "completions.lua"), gateway.url]
    command += ["--", str(prompt_tokens * BYTES_PER_TOKEN)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = done.stdout.rpartition("{")[2]
    if done.returncode or not last:
        raise GaieError("wrk failed", hint=" ".join(command), detail=done.stdout + done.stderr)
    seen = json.loads("{" + last)
    failed = seen["refused"] + seen["broken"]
    if failed or not seen["requests"]:
        raise GaieError(
            f"{failed} of {seen['requests']} completions failed",
            hint="a run counts only when all succeed; send one by hand: gaiectl local up",
        )
    return Completions(
        seen["requests"], seen["requests"] / seen["seconds"], seen["p50_ms"], seen["p99_ms"]
    )


@dataclass(frozen=True, slots=True)
class Streams:
    """What the client of the streams saw.

    Attributes:
        requests: answered to the end.
        seconds: from the first request to the last byte.
        reads_per_request: arrivals of bytes in one answer; far fewer than its events means that
            events were lumped together, which makes them cheaper than they are in life.
    """

    requests: int
    seconds: float
    reads_per_request: float


def streams(gateway: Gateway, requests: int, prompt_tokens: int) -> Streams:
    """Send streamed completions over 32 connections until ``requests`` are answered.

    Raises:
        GaieError: an answer was not 200, or did not come to its end.
    """
    return uvloop.run(_streams(gateway, requests, prompt_tokens * BYTES_PER_TOKEN))


@contextlib.asynccontextmanager
async def held(gateway: Gateway, count: int, prompt_tokens: int) -> AsyncIterator[None]:
    """Keep ``count`` streams open, each after its first event, for the time of the block.

    Raises:
        GaieError: an answer was not 200, or did not begin.
    """
    prompts = _Prompts(prompt_tokens * BYTES_PER_TOKEN)
    clients = [_Client(prompts, 1) for _ in range(count)]
    try:
        # A burst of all at once would measure the listener's backlog.
        for start in range(0, count, CONNECTIONS):
            batch = clients[start : start + CONNECTIONS]
            await _connect(gateway, batch)
            await _wait([client.has_begun for client in batch])
        yield
    finally:
        for client in clients:
            client.close()


async def _streams(gateway: Gateway, requests: int, prompt_bytes: int) -> Streams:
    prompts = _Prompts(prompt_bytes)
    each = max(1, requests // CONNECTIONS)
    clients = [_Client(prompts, each) for _ in range(min(CONNECTIONS, requests))]
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        await _connect(gateway, clients)
        await _wait([client.is_done for client in clients])
    finally:
        for client in clients:
            client.close()
    answered = each * len(clients)
    return Streams(
        answered, loop.time() - start, sum(client.reads for client in clients) / answered
    )


async def _connect(gateway: Gateway, clients: "list[_Client]") -> None:
    loop = asyncio.get_running_loop()
    for client in clients:
        await loop.create_connection(partial(_itself, client), HOST, gateway.port)


def _itself(client: "_Client") -> "_Client":
    return client


async def _wait(events: "list[asyncio.Future[None]]") -> None:
    try:
        async with asyncio.timeout(_STREAM_SECONDS):
            await asyncio.gather(*events)
    except TimeoutError:
        missing = sum(not event.done() for event in events)
        raise GaieError(
            f"{missing} of {len(events)} streams made no progress in {_STREAM_SECONDS:g} s",
            hint="look at the parts' CPU with top while it runs",
        ) from None


class _Prompts:
    """Request bytes: each prompt is unique after a shared beginning."""

    def __init__(self, size: int) -> None:
        lines = 'The critic walks by the bay,\\n notes \\"the light\\" and the price of bread.\\n'
        start = f'{{"model":"{MODEL}","stream":true,"max_tokens":1000,"prompt":"{lines}'
        finish = (lines * (size // len(lines) + 1))[: size - len(lines) - 10].rstrip("\\") + '"}'
        length = len(start) + 10 + len(finish)
        self._before = (
            f"POST /v1/completions HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
            f"content-length: {length}\r\n\r\n{start}"
        ).encode()
        self._after = finish.encode()
        self._count = 0

    def next(self) -> bytes:
        """Return the next request."""
        self._count += 1
        return b"%b%010d%b" % (self._before, self._count, self._after)


class _Client(asyncio.Protocol):
    """One connection that sends its requests one after the other.

    Attributes:
        reads: arrivals of bytes.
        has_begun: the first answer has begun.
        is_done: all answers have ended.
    """

    def __init__(self, prompts: _Prompts, requests: int) -> None:
        loop = asyncio.get_running_loop()
        self.reads = 0
        self.has_begun: asyncio.Future[None] = loop.create_future()
        self.is_done: asyncio.Future[None] = loop.create_future()
        self._prompts = prompts
        self._left = requests
        self._transport: asyncio.Transport | None = None
        self._is_first = True
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._prompts.next())

    def data_received(self, data: bytes) -> None:
        self.reads += 1
        if self._is_first:
            self._is_first = False
            if not data.startswith(b"HTTP/1.1 200 "):
                self._fail(data[:200].decode(errors="replace"))
                return
            if not self.has_begun.done():
                self.has_begun.set_result(None)
        self._tail = (self._tail + data)[-5:]
        if self._tail != b"0\r\n\r\n":
            return
        self._is_first = True
        self._left -= 1
        if self._left:
            assert self._transport is not None
            self._transport.write(self._prompts.next())
        elif not self.is_done.done():
            self.is_done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the connection was closed ({error})")

    def close(self) -> None:
        """Close the connection."""
        for event in (self.has_begun, self.is_done):
            event.cancel()
        if self._transport is not None:
            self._transport.close()

    def _fail(self, what: str) -> None:
        error = GaieError(
            f"a streamed completion failed: {what}", hint="send one by hand: gaiectl local up"
        )
        for event in (self.has_begun, self.is_done):
            if not event.done():
                event.set_exception(error)
