"""Answers every GET with one file, on as many ports as asked for; prints the ports.

Run as a program, so that its work is not counted as that of whoever scrapes it.
"""

import asyncio
import sys
from pathlib import Path

import uvloop


class Answer(asyncio.Protocol):
    """One connection; a request never spans two reads here."""

    text = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.text)
        self._transport.write(head + self.text)  # type: ignore[attr-defined]


async def serve(count: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Answer, "127.0.0.1", 0) for _ in range(count)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    Answer.text = Path(sys.argv[1]).read_bytes()
    uvloop.run(serve(int(sys.argv[2])))
