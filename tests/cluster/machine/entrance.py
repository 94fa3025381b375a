"""The way into a node's network: connections to a port out there are made again in here."""

import asyncio
import contextlib
import socket
import threading

_CHUNK = 1 << 16


def open_entrance(listener: socket.socket, host: str, port: int) -> None:
    """Carry what arrives at a listener to an address, from now until this process ends.

    Args:
        listener: made in another network namespace, to which it belongs for good.
        host: where to connect, in our namespace.
        port: where to connect.
    """
    threading.Thread(
        target=lambda: asyncio.run(_serve(listener, host, port)), name="entrance", daemon=True
    ).start()


async def _serve(listener: socket.socket, host: str, port: int) -> None:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection(host, port)
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
            inner_writer.close()
        writer.close()

    server = await asyncio.start_server(carry, sock=listener)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()
