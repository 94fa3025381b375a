"""Sends KV-cache events over ZeroMQ as vLLM does, and again to those who ask.

A message has three frames: topic, number (eight bytes, big-endian, from 0), and in msgpack
``[time, events, data-parallel rank]``. Who wants messages again asks with an empty frame and the
number of the first; the last of the answer is empty and numbered -1 (vLLM's ``ZmqEventPublisher``).
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from gaiectl.errors import GaieError
from gaiectl.simulator.kv_events import Event, KvEventLog
from gaiectl.simulator.kv_events_config import KvEvents

_DELAY_SECONDS = 0.01
"""How long an event waits for others: as long as a step of an engine takes."""
_END = (b"\xff" * 8, b"")


class KvPublisher:
    """The publisher of one rank.

    Args:
        log: what is published.
        config: where to.
        rank: data-parallel rank; counts up the ports, as in vLLM.
        batch: events with which a message goes out at once.
        as_maps: write events as maps, as later releases of vLLM do.

    Raises:
        GaieError: a library is not installed, or an address cannot be had.
    """

    def __init__(
        self, log: KvEventLog, config: KvEvents, *, rank: int, batch: int, as_maps: bool
    ) -> None:
        try:
            import msgspec  # noqa: PLC0415 - of an extra, for those who use it
            import zmq  # noqa: PLC0415 - the same
        except ImportError as error:
            raise GaieError(
                f"KV events need the library {error.name}", hint="pip install 'gaiectl[precise]'"
            ) from error

        self._log = log
        self._rank = rank
        self._batch = batch
        self._as_maps = as_maps
        self._topic = config.topic.encode("utf-8", "surrogatepass")
        kept = config.buffer_steps if config.replay_endpoint else 0
        self._sent: deque[tuple[bytes, bytes]] = deque(maxlen=kept)
        self._number = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._nothing = zmq.Again
        self._no_wait = int(zmq.NOBLOCK)
        self._events = zmq.EVENTS
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._context = zmq.Context(io_threads=1)
        self._replay: Any = None
        try:
            self._live = self._socket(zmq.PUB, config.endpoint)
            if config.replay_endpoint:
                self._replay = self._socket(zmq.ROUTER, config.replay_endpoint)
        except BaseException:
            self._context.destroy(linger=0)
            raise
        if self._replay is not None:
            self._loop.add_reader(self._replay.get(zmq.FD), self._answer)
            self._answer()  # what was asked before is not told
        log.noted = self._noted

    def close(self) -> None:
        """Send what is left, and close."""
        try:
            self._flush()
        finally:
            self._log.noted = lambda: None
            if self._replay is not None:
                import zmq  # noqa: PLC0415 - of an extra, for those who use it

                self._loop.remove_reader(self._replay.get(zmq.FD))
            self._context.destroy(linger=100)

    def _socket(self, kind: int, endpoint: str) -> Any:
        import zmq  # noqa: PLC0415 - of an extra, for those who use it

        host, _, port = endpoint.rpartition(":")
        address = f"{host}:{int(port) + self._rank}"
        socket = self._context.socket(kind)
        socket.set(zmq.IPV6, int(host.count(":") > 1))
        if kind == zmq.ROUTER:
            # Room for a whole answer while as much of earlier ones counts as unread, for what was
            # read is told by the half. Who asks on and on and does not read gets no more.
            socket.set(zmq.SNDHWM, 2 * (self._sent.maxlen or 0) + 2)
        try:
            if "*" in host or "::" in host or kind == zmq.ROUTER:
                socket.bind(address)
            else:
                socket.connect(address)
        except zmq.ZMQError as error:
            raise GaieError(
                f"KV events cannot be published at {address}: {zmq.strerror(error.errno or 0)}",
                hint="choose another address in --kv-events-config, --zmq-endpoint or "
                "--kv-events-replay-endpoint; each rank takes the next port",
            ) from error
        return socket

    def _noted(self) -> None:
        if len(self._log) >= self._batch:
            self._flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(_DELAY_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        events = self._log.take()
        if not events:
            return
        message = (self._number.to_bytes(8, "big"), self._message(events))
        self._number += 1
        self._sent.append(message)
        # Who does not read fast enough misses some; that never holds up the server.
        self._live.send_multipart((self._topic, *message), self._no_wait)

    def _message(self, events: Sequence[Event]) -> bytes:
        if not self._as_maps:
            return self._encode([time.time(), [[*one.values()] for one in events], self._rank])
        return self._encode([time.time(), events, self._rank])

    def _answer(self) -> None:
        while True:
            try:
                client, *rest = self._replay.recv_multipart(self._no_wait)
            except self._nothing:
                return
            if len(rest) != 2 or len(rest[1]) != 8:
                continue
            first = rest[1]
            self._replay.get(self._events)  # takes note of what was read
            for message in (*(one for one in self._sent if one[0] >= first), _END):
                self._replay.send_multipart((client, b"", *message), self._no_wait)
