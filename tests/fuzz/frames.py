"""Feed a server random frames: ``python tests/fuzz/frames.py --frames 1000000 --seed 7``.

Peers that know the protocol, and break it often: valid calls, frames in wrong states, lengths and
flags at random, flipped bits, plain garbage, cut into reads of any size, with peers that stop
reading, vanish or are drained. After each read the books must balance; after each connection no
call may be left; at the end no object and no memory. The seed of a failed run repeats it.
"""

import argparse
import asyncio
import gc
import logging
import random
import resource
import sys
import time
from collections import Counter
from typing import Any

from epp.transport import frames, headers
from epp.transport.call import Call, Handler
from epp.transport.connection import Connection
from epp.transport.frames import Error
from epp.transport.limits import Limits
from epp.transport.server import GrpcServer
from epp.transport.stream import Stream

LIMITS = Limits(
    max_message_bytes=100_000,
    max_buffered_bytes=300_000,
    max_concurrent_streams=50,
    max_header_bytes=2000,
    stream_window=70_000,
    connection_window=200_000,
    max_frame_bytes=30_000,
    unsent_high_water=20_000,
    goaway_seconds=0.0,
    linger_seconds=0.0,
    control_burst=300,
    control_rate=1000.0,
    reset_burst=300,
    reset_rate=1000.0,
)
METHODS = ("echo", "silent", "early", "late", "large", "raises")


class DeliberateError(Exception):
    """What the raising handler raises."""


class Fuzzed(Handler):
    """Serves in the manner of its method, and checks the order of what it is told."""

    alive = 0

    def __init__(self, call: Call, manner: str, rng: random.Random) -> None:
        self.call = call
        self.manner = manner
        self.rng = rng
        self.state = "open"
        Fuzzed.alive += 1
        if manner == "early" and rng.random() < 0.1:
            self.finish()

    def finish(self, status: int = 0) -> None:
        assert self.state in ("open", "half-closed")
        self.state = "over"
        Fuzzed.alive -= 1
        self.call.finish(status, "fuzzed" if status else "")

    def message(self, data: bytes) -> None:
        assert self.state == "open", self.state
        if self.manner == "raises" and self.rng.random() < 0.3:
            raise DeliberateError
        if self.manner == "early" and self.rng.random() < 0.5:
            self.finish(self.rng.randrange(17))
        elif self.manner == "large":
            self.call.send(bytes(self.rng.randrange(60_000)))
        elif self.manner == "late":
            asyncio.get_running_loop().call_soon(self.call.send, data)
        elif self.manner != "silent":
            self.call.send(data)

    def half_closed(self) -> None:
        assert self.state == "open", self.state
        self.state = "half-closed"
        if self.manner == "raises" and self.rng.random() < 0.3:
            raise DeliberateError
        if self.manner == "late":
            asyncio.get_running_loop().call_soon(self._finish_if_open)
        elif self.manner != "silent" or self.rng.random() < 0.5:
            self.finish()

    def _finish_if_open(self) -> None:
        if self.state == "half-closed":
            self.finish()

    def aborted(self) -> None:
        assert self.state in ("open", "half-closed"), self.state
        self.state = "over"
        Fuzzed.alive -= 1
        self.call.send(b"too late")
        self.call.finish()

    def drain(self) -> None:
        assert self.state in ("open", "half-closed"), self.state
        if self.rng.random() < 0.5:
            self.finish(14)


class Wire:
    """Stands for the socket; checks that whole frames leave, and none after the end."""

    def __init__(self, seen: Counter[str]) -> None:
        self.seen = seen
        self.is_closed = False
        self.is_over = False

    def write(self, data: bytes) -> None:
        assert not self.is_over
        while data:
            size, flags, stream_id = frames.unpack_header(data)
            end = frames.HEADER_BYTES + (size >> 8)
            assert len(data) >= end
            assert size >> 8 <= frames.LARGEST_MAX_FRAME
            payload, kind, data = data[frames.HEADER_BYTES : end], size & 0xFF, data[end:]
            if kind in (frames.RST_STREAM, frames.GOAWAY):
                name = "RST_STREAM" if kind == frames.RST_STREAM else "GOAWAY"
                code = payload[4 if kind == frames.GOAWAY else 0 :][:4]
                self.seen[f"{name} {Error(int.from_bytes(code, 'big')).name}"] += 1
            elif kind == frames.HEADERS and flags & frames.END_STREAM:
                self.seen["calls answered"] += 1
            assert stream_id >= 0

    def close(self) -> None:
        self.is_closed = self.is_over = True

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_over = True

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def get_extra_info(self, name: str) -> None:
        pass


class Peer:
    """Makes the bytes of one client."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.next_id = 1
        self.ids: list[int] = []
        self.table_is_gone = False

    def greeting(self) -> bytes:
        rng = self.rng
        if rng.random() < 0.03:
            return rng.randbytes(rng.randrange(1, 60))
        start = frames.PREFACE + self.settings()
        if rng.random() < 0.02:
            start = self.flipped(start)
        return start + frames.window_update(0, rng.choice((1, 1000, 10_000_000)))

    def settings(self) -> bytes:
        rng = self.rng
        if rng.random() < 0.005:
            values = {rng.randrange(10): rng.randrange(1 << 32) for _ in range(rng.randrange(4))}
        else:
            window = rng.choice((0, 1, 100, 65_535, 1_000_000))
            values = {frames.SETTINGS_INITIAL_WINDOW_SIZE: window} if rng.random() < 0.7 else {}
        return frames.settings(values)

    def any_id(self) -> int:
        rng = self.rng
        if rng.random() < 0.0005:
            return rng.randrange(1 << 31)
        return rng.choice(self.ids[-12:])

    def head(self) -> bytes:
        rng = self.rng
        stream_id = self.next_id
        self.next_id += 2 * rng.choice((1, 1, 1, 1, 5))
        self.ids.append(stream_id)
        method = rng.choice((*METHODS, "unknown") if rng.random() < 0.9 else ("", "?"))
        fields = [
            (b":method", b"POST" if rng.random() < 0.97 else b"GET"),
            (b":scheme", b"http"),
            (b":path", b"/" + method.encode()),
            (b"content-type", b"application/grpc"),
        ]
        if rng.random() < 0.05:
            fields.append((b"content-length", b"%d" % rng.randrange(100)))
        if rng.random() < 0.02:
            fields.append(rng.choice(((b"Bad", b"1"), (b":again", b""), (b"te", b"x"))))
        block = headers.encode(fields)
        if not self.table_is_gone and rng.random() < 0.5:
            self.table_is_gone = True
            block = b"\x20" + block
        flags = frames.END_STREAM if rng.random() < 0.1 else 0
        if rng.random() < 0.1:
            cut = rng.randrange(len(block))
            return (
                frames.frame(frames.HEADERS, flags, stream_id, block[:cut])
                + frames.frame(frames.CONTINUATION, 0, stream_id, block[cut:])
                + frames.frame(frames.CONTINUATION, frames.END_HEADERS, stream_id)
            )
        return frames.frame(frames.HEADERS, flags | frames.END_HEADERS, stream_id, block)

    def data(self) -> bytes:
        rng = self.rng
        size = rng.choice((0, 1, 10, 400, 400, 3000, 12_000))
        message = b"\0" + size.to_bytes(4, "big") + bytes(size)
        shape = rng.random()
        if shape < 0.1:
            message = message[: rng.randrange(len(message))]
        elif shape < 0.2:
            message = message * 2 + message[:3]
        elif shape < 0.25:
            message = rng.randbytes(rng.randrange(20))
        flags = frames.END_STREAM if rng.random() < 0.25 else 0
        if rng.random() < 0.05:
            padding = rng.randrange(256)
            message = bytes((padding,)) + message + bytes(padding)
            flags |= frames.PADDED
        return frames.frame(frames.DATA, flags, self.any_id(), message)

    def control(self) -> bytes:
        rng = self.rng
        which = rng.randrange(8)
        if which == 0:
            return frames.rst_stream(self.any_id(), rng.choice(list(Error)))
        if which == 1:
            return frames.window_update(self.any_id(), rng.choice((1, 100, 50_000)))
        if which == 2:
            return frames.window_update(0, rng.choice((1, 100, 50_000)))
        if which == 3:
            return self.settings()
        if which == 4:
            payload = rng.choice((b"draining", b"keepaliv", b"12345678"))
            return frames.frame(frames.PING, rng.randrange(2), 0, payload)
        if which == 5:
            return frames.frame(frames.PRIORITY, 0, self.any_id(), rng.randbytes(5))
        if which == 6:
            return frames.frame(rng.randrange(10, 256), rng.randrange(256), self.any_id(), b"?")
        return frames.frame(frames.SETTINGS, frames.ACK, 0)

    def frame(self) -> bytes:
        rng = self.rng
        choice = rng.random()
        if choice < 0.30 or not self.ids:
            made = self.head()
        elif choice < 0.80:
            made = self.data()
        elif choice < 0.9995:
            made = self.control()
        else:
            size = rng.randrange(30)
            kind, flags = rng.randrange(12), rng.randrange(256)
            made = frames.frame(kind, flags, self.any_id(), rng.randbytes(size))
        return self.flipped(made) if rng.random() < 0.001 else made

    def flipped(self, data: bytes) -> bytes:
        place = self.rng.randrange(len(data))
        return data[:place] + bytes((data[place] ^ 1 << self.rng.randrange(8),)) + data[place + 1 :]


class Failures(logging.Handler):
    """Keeps what was logged with a traceback, unless a handler raised it on purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and not isinstance(record.exc_info[1], DeliberateError):
            self.found.append(self.format(record))


def check_books(server: GrpcServer, connection: Connection) -> None:
    """Fail unless windows and buffers are what the streams say."""
    if not connection.ending.is_over:
        assert 0 <= connection._ungranted <= LIMITS.connection_window
    assert connection.sender.window >= 0
    buffered = 0
    for stream in connection.streams.values():
        assert 0 <= stream.ungranted <= LIMITS.stream_window
        assert stream.unsent is None or stream.unsent
        assert not (stream.unsent and stream.send_window > 0 and connection.sender.window > 0)
        buffered += len(stream.partial or b"") + len(stream.unsent or b"")
    assert server.buffered_bytes == buffered, (server.buffered_bytes, buffered)
    assert buffered <= LIMITS.max_buffered_bytes + LIMITS.max_frame_bytes + 60_000


async def run_connection(server: GrpcServer, rng: random.Random, seen: Counter[str]) -> int:
    """Serve one peer until it or we have enough; return how many frames it sent."""
    wire, peer, connection = Wire(seen), Peer(rng), Connection(server)
    connection.connection_made(wire)  # type: ignore[arg-type] # stands for a transport
    count, wanted = 0, rng.choice((5, 50, 500, 2000))
    data = peer.greeting()
    is_paused = False
    while count < wanted and not wire.is_closed:
        for _ in range(rng.choice((1, 1, 3, 20))):
            data += peer.frame()
            count += 1
        kept = rng.randrange(len(data)) if rng.random() < 0.3 else 0
        read, data = data[: len(data) - kept], data[len(data) - kept :]
        if read:
            connection.data_received(read)
        check_books(server, connection)
        event = rng.random()
        if event < 0.01:
            (connection.resume_writing if is_paused else connection.pause_writing)()
            is_paused = not is_paused
        elif event < 0.012:
            connection.ending.drain()
        elif event < 0.05:
            await asyncio.sleep(0)
            check_books(server, connection)
    connection.eof_received()
    connection.connection_lost(None)
    await asyncio.sleep(0)
    assert not connection.streams
    assert Fuzzed.alive == 0, Fuzzed.alive
    assert server.buffered_bytes == 0
    assert not server.connections
    return count


def resident_bytes() -> int:
    """Return the memory in use now, or at most so far where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - no such path on macOS
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def run(wanted: int, seed: int) -> None:
    """Run the peers.

    Raises:
        AssertionError: something does not hold; the message and the traceback say what.
    """
    failures = Failures()
    logger = logging.getLogger()
    logger.handlers[:] = [failures]
    logger.setLevel(logging.INFO)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.found.append(repr(context)))
    rng = random.Random(seed)

    def factory(manner: str) -> Any:
        return lambda call: Fuzzed(call, manner, rng)

    methods = {b"/" + manner.encode(): factory(manner) for manner in METHODS}
    done = connections = 0
    # Time stands in frames, so that a seed repeats everything.
    server = GrpcServer(methods, limits=LIMITS, clock=lambda: 1.0 + done / 20_000)
    seen: Counter[str] = Counter()
    warm_bytes = 0
    started = time.monotonic()
    while done < wanted:
        done += await run_connection(server, rng, seen)
        connections += 1
        assert not failures.found, failures.found[0]
        if not warm_bytes and done > wanted // 4:
            gc.collect()
            warm_bytes = resident_bytes()
    seconds = time.monotonic() - started
    await asyncio.sleep(0.01)
    gc.collect()
    left = [thing for thing in gc.get_objects() if isinstance(thing, (Stream, Fuzzed, Connection))]
    assert not left, f"{len(left)} objects are left, for example {left[0]}"
    grown = resident_bytes() - warm_bytes
    assert grown < 16 * 1024 * 1024, f"memory grew by {grown} bytes"
    for name, count in sorted(seen.items()):
        print(f"{count:>10}  {name}")
    print(
        f"{done} frames over {connections} connections in {seconds:.1f} s, seed {seed}: "
        f"no crash, nothing left, memory grew by {max(grown, 0) >> 10} KiB"
    )


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    try:
        asyncio.run(run(arguments.frames, arguments.seed))
    except BaseException:
        print(f"failed with seed {arguments.seed}", file=sys.stderr)
        raise


if __name__ == "__main__":
    main()
