"""Clients that never rest (``python load_program.py URL MODEL``), for a pod; needs Python only.

Each second and at its end (SIGTERM: requests under way are waited for) it prints a line of JSON
with the fields of ``machine.load.Load``. Some clients keep their connection, as client libraries
do, some make a new one for each request; half of them have answers streamed. Nothing is tried
again.
"""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

_SECONDS = 60
# A container's log breaks lines that are longer than 16 KiB.
_MOST_FAILURES = 50
_MOST_SAID = 200
_CLIENTS = [  # keeps its connection, has answers streamed
    *([(True, False), (True, True)] * 3),
    *([(False, False), (False, True)]),
]


class Failed(Exception):
    """A request was not answered as it must be."""


class Account:
    """What became of all requests."""

    def __init__(self) -> None:
        self.began = self.latest = time.monotonic()
        self.answered = self.streamed = self.connections = self.failed = 0
        self.longest_gap = 0.0
        self.failures: list[str] = []

    def note(self, *, is_streamed: bool) -> None:
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self.latest)
        self.latest = now
        self.answered += 1
        self.streamed += is_streamed

    def note_failure(self, what: str, started: float) -> None:
        now = time.monotonic()
        self.failed += 1
        if len(self.failures) < _MOST_FAILURES:
            at = f"at {now - self.began:.2f} s, after {now - started:.2f} s"
            self.failures.append(f"{at}: {what}"[:_MOST_SAID])

    def line(self) -> str:
        names = ("answered", "streamed", "connections", "failed", "longest_gap", "failures")
        return json.dumps({name: getattr(self, name) for name in names})


class Client:
    def __init__(
        self, url: str, model: str, account: Account, *, keeps: bool, streams: bool
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port or 80
        asked = {"model": model, "prompt": "hello", "max_tokens": 20, "stream": streams}
        body = json.dumps(asked).encode()
        head = [
            "POST /v1/completions HTTP/1.1",
            f"host: {parts.netloc}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            *([] if keeps else ["connection: close"]),
        ]
        self._request = "\r\n".join([*head, "", ""]).encode() + body
        self._account, self._keeps, self._streams = account, keeps, streams
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._name = ("kept" if keeps else "new") + (" stream" if streams else "")

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            started = time.monotonic()
            try:
                async with asyncio.timeout(_SECONDS):
                    await self._ask()
            except (OSError, EOFError, ValueError, Failed) as error:
                self._close()
                self._account.note_failure(f"{self._name}: {error!r}", started)
                await asyncio.sleep(0.05)
            else:
                self._account.note(is_streamed=self._streams)
        self._close()

    async def _ask(self) -> None:
        if self._connection is None:
            self._connection = await asyncio.open_connection(self._host, self._port)
            self._account.connections += 1
        reader, writer = self._connection
        writer.write(self._request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.lower().split("\r\n")
        fields = {name: value.strip() for name, _, value in (one.partition(":") for one in lines)}
        if fields.get("transfer-encoding") == "chunked":
            body = b"".join([piece async for piece in _chunks(reader)])
        else:
            body = await reader.readexactly(int(fields["content-length"]))
        if status.split()[1] != "200":
            raise Failed(f"{status}: {body[-80:]!r}")
        if self._streams and not body.rstrip().endswith(b"data: [DONE]"):
            raise Failed(f"ends with {body[-60:]!r}")
        if not self._streams and not json.loads(body)["choices"]:
            raise Failed("no choices")
        if not self._keeps or fields.get("connection") == "close":
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")


async def main() -> None:
    url, model = sys.argv[1:]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    account = Account()
    async with asyncio.TaskGroup() as tasks:
        for keeps, streams in _CLIENTS:
            client = Client(url, model, account, keeps=keeps, streams=streams)
            tasks.create_task(client.run(stop))
        while not stop.is_set():
            print(account.line(), flush=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)
    print(account.line(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
