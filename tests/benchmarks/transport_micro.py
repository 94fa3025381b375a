"""What one ext-proc stream costs the transport: ``python tests/benchmarks/transport_micro.py``.

One connection without a socket is fed the bytes of a gateway's streams: headers and a message, a
second message, the end; each message is answered and the end with trailers. The parsing and all
that is sent count; protobuf, scheduling and system calls do not.
"""

import argparse
import asyncio
import gc
import secrets
import statistics
import time
from collections.abc import Iterator
from typing import Any

from hpack import Encoder

from epp.transport import frames
from epp.transport.call import Call, Handler
from epp.transport.connection import Connection
from epp.transport.server import GrpcServer

PATH = b"/envoy.service.ext_proc.v3.ExternalProcessor/Process"
REQUEST_BYTES = 400
REPLY = bytes(150)
ROUNDS = 7


class Replying(Handler):
    """Answers each message with as many bytes as a routing decision has."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        self.call = call

    def message(self, data: bytes) -> None:
        self.call.send(REPLY)

    def half_closed(self) -> None:
        self.call.finish()

    def aborted(self) -> None:
        pass

    def drain(self) -> None:
        pass


class NullWire:
    """A socket that takes everything."""

    def write(self, data: bytes) -> None:
        pass

    def get_extra_info(self, name: str) -> None:
        pass


def reads(streams: int, together: int, *, is_traced: bool) -> Iterator[bytes]:
    """Yield the bytes of streams, of which several take each step in the same read."""
    encoder = Encoder()
    encoder.header_table_size = 0
    fields: list[Any] = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", PATH),
        (b":authority", b"epp"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"x-envoy-internal", b"true"),
        (b"x-forwarded-for", b"10.0.0.12"),
    ]
    message = b"\0" + REQUEST_BYTES.to_bytes(4, "big") + bytes(REQUEST_BYTES)
    for first in range(1, 2 * streams, 2 * together):
        ids = range(first, first + 2 * together, 2)
        begin = b""
        for stream_id in ids:
            trace = [(b"traceparent", b"00-%b-01" % secrets.token_hex(24).encode())]
            block = encoder.encode(fields + trace if is_traced else fields)
            begin += frames.frame(frames.HEADERS, frames.END_HEADERS, stream_id, block)
            begin += frames.frame(frames.DATA, 0, stream_id, message)
        yield begin
        yield b"".join(frames.frame(frames.DATA, 0, i, message) for i in ids)
        yield b"".join(frames.frame(frames.DATA, frames.END_STREAM, i) for i in ids)


def microseconds(streams: int, together: int, *, is_traced: bool) -> float:
    """Return the CPU time of one stream."""
    server = GrpcServer({PATH: Replying})
    connection = Connection(server)
    connection.connection_made(NullWire())  # type: ignore[arg-type] # stands for a transport
    settings = frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 1 << 20})
    connection.data_received(frames.PREFACE + settings + frames.window_update(0, 1 << 30))
    prepared = list(reads(streams, together, is_traced=is_traced))
    receive = connection.data_received
    gc.collect()
    start = time.process_time()
    for read in prepared:
        receive(read)
    spent = time.process_time() - start
    assert server.open_streams == 0
    return spent / streams * 1e6


async def main() -> None:
    """Print one line per shape of load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=20_000)
    streams = parser.parse_args().streams
    print("streams per read  traced  us per stream: best  median")
    for together in (1, 8):
        for is_traced in (False, True):
            found = [microseconds(streams, together, is_traced=is_traced) for _ in range(ROUNDS)]
            print(
                f"{together:>16}  {'yes' if is_traced else 'no':>6}"
                f"  {min(found):>19.2f}  {statistics.median(found):>6.2f}"
            )


if __name__ == "__main__":
    asyncio.run(main())
