"""A client that listens while it sends, for answers that come before the request has gone out.

A gateway that refuses a body stops reading it, answers and closes. Who only listens after sending
finds a reset connection and no answer; httpx is such a client.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from gaiectl.checks.gateway import SILENCE_SECONDS, Answer

_READ_BYTES = 65_536


async def post(url: str, pieces: Iterable[bytes], *, length: int | None) -> Answer:
    """Send a body by HTTP/1.1 and return the answer as soon as it is there.

    Args:
        url: where to.
        pieces: the body.
        length: announced in Content-Length; None sends chunks with no length announced.
    """
    import h11  # noqa: PLC0415 - httpx stands on it; both cost time to import

    target = urlsplit(url)
    answer = Answer(f"POST {target.path}")
    connection = h11.Connection(our_role=h11.CLIENT)
    framing = (
        ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
    )
    headers = [("host", target.netloc), ("content-type", "application/json"), framing]
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection(
            target.hostname,
            target.port or (443 if target.scheme == "https" else 80),
            ssl=target.scheme == "https" or None,
        )
    except OSError as error:
        answer.broken = str(error)
        return answer

    async def send() -> None:
        request = h11.Request(method="POST", target=target.path, headers=headers)
        writer.write(connection.send(request) or b"")
        for piece in pieces:
            writer.write(connection.send(h11.Data(data=piece)) or b"")
            await writer.drain()
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    connection.receive_data(await reader.read(_READ_BYTES))
                elif isinstance(event, h11.Response):
                    answer.status = event.status_code
                    answer.headers = {n.decode().lower(): v.decode() for n, v in event.headers}
                elif isinstance(event, h11.Data):
                    answer.chunks.append((time.monotonic() - began, bytes(event.data)))
    except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
        answer.broken = f"{type(error).__name__}: {error}"
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await sending
        writer.transport.abort()  # what is still to be sent interests nobody
    answer.seconds = time.monotonic() - began
    return answer
