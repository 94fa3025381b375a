"""Brings KV-cache events over ZeroMQ: a subscription to each endpoint, or one address for all.

A message has three frames: topic ``kv@<pod>@<model>``, number (eight bytes, big-endian), payload.
A replay is asked for at another port with an empty frame and a number; it answers with messages of
an empty frame, number and payload, and ends with one that has no payload (vLLM).

Sockets are read when their file descriptor says so. That descriptor tells of changes only, so a
socket is read until it is empty, or until its turn comes again after the others'.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from epp.api.endpoint import Endpoint
from epp.api.errors import ConfigError, Problem
from epp.api.plugin import Host
from epp.kvcache.events import Malformed, decode
from epp.kvcache.index import BlockIndex
from epp.kvcache.settings import KvEventsConfig
from epp.kvcache.stream import EventStream

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
_MESSAGES_PER_TURN = 64
_BUSY_SECONDS = 0.003
_PAUSE_SECONDS = 0.002
_QUEUED_MESSAGES = 10_000
_MAX_TOPICS = 4096
_MAX_SOCKETS = 65_000
_REPLAY_IDLE_SECONDS = 2.0
_REPLAY_SECONDS = 30.0
_RANK = re.compile(r"-rank-(\d{1,4})$", re.ASCII)


def _check_libraries() -> None:
    try:
        import msgspec  # noqa: F401, PLC0415 - of an extra, for those who use it
        import zmq  # noqa: F401, PLC0415 - the same
    except ImportError as error:
        problem = f"KV events need the library {error.name}"
        hint = "pip install 'gaiectl[precise]'"
        raise ConfigError([Problem(problem, path="kvEventsConfig", hint=hint)]) from error


class Subscriber:
    """All publishers of a pool.

    Args:
        index: what is told of events.
        config: where events come from.
    """

    def __init__(self, index: BlockIndex, config: KvEventsConfig) -> None:
        self.lost = 0
        """Messages of publishers that are gone which were never seen."""
        self.resets = 0
        """Restarts of publishers that are gone."""
        self._index = index
        self._config = config
        self._links: dict[Endpoint, _Link] = {}
        self._bound: _Socket | None = None
        self._topics: dict[tuple[bytes, Endpoint], EventStream] = {}
        self._endpoints: dict[str, list[Endpoint]] = {}
        self._malformed: set[str] = set()
        self._context: Any = None
        self._host: Host | None = None
        self._undo: Callable[[], None] | None = None

    @property
    def streams(self) -> Sequence[EventStream]:
        """The publishers heard now."""
        return [*(link.stream for link in self._links.values()), *self._topics.values()]

    async def start(self, host: Host) -> None:
        """Subscribe to the endpoints alive now, and follow the pool.

        Raises:
            ConfigError: a library is not installed, or the address cannot be used.
        """
        _check_libraries()
        import zmq  # noqa: PLC0415 - of an extra, for those who use it

        self._host = host
        self._context = zmq.Context(io_threads=1)
        self._context.set(zmq.MAX_SOCKETS, _MAX_SOCKETS)
        if self._config.zmq_endpoint:
            socket = self._subscription(is_ipv6="[" in self._config.zmq_endpoint)
            try:
                # Whatever address it is, as in llm-d's kv-cache library: engines connect to it.
                socket.bind(self._config.zmq_endpoint)
            except zmq.ZMQError as error:
                socket.close(0)
                text = f"{self._config.zmq_endpoint} cannot be used: {error.strerror}"
                path = "kvEventsConfig.zmqEndpoint"
                raise ConfigError([Problem(text, path=path)]) from error
            self._bound = _Socket(socket, self._from_any)
        self._undo = host.on_endpoints(self._follow)
        self._follow()

    async def stop(self) -> None:
        """Close everything."""
        if self._undo is not None:
            self._undo()
            self._undo = None
        for link in self._links.values():
            link.close()
        self._links.clear()
        if self._bound is not None:
            self._bound.close()
            self._bound = None
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

    def _follow(self) -> None:
        assert self._host is not None
        alive = [candidate.endpoint for candidate in self._host.candidates()]
        current = set(alive)
        for endpoint in [known for known in self._links if known not in current]:
            link = self._links.pop(endpoint)
            self._retire(link.stream)
            link.close()
        for key in [key for key in self._topics if key[1] not in current]:
            self._retire(self._topics.pop(key))
        self._malformed &= {endpoint.host_port for endpoint in alive}
        if self._config.zmq_endpoint:
            self._endpoints = {}
            for endpoint in alive:
                name = f"{endpoint.namespace}/{endpoint.name}"
                for alias in {endpoint.host_port, endpoint.address, endpoint.name, name}:
                    self._endpoints.setdefault(alias, []).append(endpoint)
        elif self._config.discover_pods:
            for endpoint in alive:
                if endpoint not in self._links:
                    self._links[endpoint] = self._link(endpoint)

    def _retire(self, stream: EventStream) -> None:
        self.lost += stream.lost
        self.resets += stream.resets

    def _link(self, endpoint: Endpoint) -> "_Link":
        pods = self._config.pod_discovery_config
        rank = _rank(endpoint)
        host = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
        address = f"tcp://{host}:{min(pods.socket_port + rank, 65535)}"
        replay = f"tcp://{host}:{min(pods.replay_port + rank, 65535)}" if pods.replay_port else ""
        is_ipv6 = ":" in endpoint.address
        link = _Link(
            self._subscription(is_ipv6=is_ipv6),
            partial(self._replay_socket, replay, is_ipv6=is_ipv6) if replay else None,
            partial(self._take, endpoint),
            partial(self._index.forget, endpoint.slot),
            self._unusable,
        )
        link.connect(address)
        return link

    def _subscription(self, *, is_ipv6: bool) -> Any:
        import zmq  # noqa: PLC0415 - of an extra, for those who use it

        socket = self._context.socket(zmq.SUB)
        _limit(socket, is_ipv6=is_ipv6)
        socket.set(zmq.SUBSCRIBE, self._config.topic_filter.encode())
        return socket

    def _replay_socket(self, address: str, *, is_ipv6: bool) -> Any:
        import zmq  # noqa: PLC0415 - of an extra, for those who use it

        socket = self._context.socket(zmq.DEALER)
        _limit(socket, is_ipv6=is_ipv6)
        socket.connect(address)
        return socket

    def _from_any(self, frames: Sequence[bytes]) -> None:
        """Take a message of a publisher that connected to us; its topic tells who it is."""
        if len(frames) != 3 or len(frames[1]) != 8:
            self._unusable()
            return
        topic, number, payload = frames
        pod = topic.split(b"@")[1:2]
        known = self._endpoints.get(pod[0].decode(errors="replace"), []) if pod else []
        if not known:
            self._index.counts["unknown"] += 1
            return
        endpoint = known[0]
        if len(known) > 1:
            try:
                rank = decode(payload).rank or 0
            except Malformed:
                self._unusable()
                return
            endpoint = next((one for one in known if _rank(one) == rank), endpoint)
        stream = self._topics.get((topic, endpoint))
        if stream is None:
            if len(self._topics) >= _MAX_TOPICS:
                self._unusable()
                return
            stream = self._topics[topic, endpoint] = EventStream(
                partial(self._take, endpoint), partial(self._index.forget, endpoint.slot)
            )
        stream.live(int.from_bytes(number, "big"), payload)

    def _take(self, endpoint: Endpoint, payload: bytes) -> None:
        try:
            self._index.apply(endpoint.slot, decode(payload))
        except Malformed as error:
            self._unusable()
            if endpoint.host_port not in self._malformed:
                self._malformed.add(endpoint.host_port)
                log.warning("KV events of %s cannot be read: %s", endpoint.host_port, error)

    def _unusable(self) -> None:
        self._index.counts["malformed"] += 1


def _limit(socket: Any, *, is_ipv6: bool) -> None:
    import zmq  # noqa: PLC0415 - of an extra, for those who use it

    socket.set(zmq.LINGER, 0)
    socket.set(zmq.RCVHWM, _QUEUED_MESSAGES)
    socket.set(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    socket.set(zmq.RECONNECT_IVL, 200)
    socket.set(zmq.RECONNECT_IVL_MAX, 5_000)
    socket.set(zmq.TCP_KEEPALIVE, 1)
    socket.set(zmq.IPV6, int(is_ipv6))


def _rank(endpoint: Endpoint) -> int:
    """Return the data-parallel rank that is in the name of an endpoint; 0 if there is none."""
    match = _RANK.search(endpoint.name)
    return int(match[1]) if match else 0


class _Socket:
    """A ZeroMQ socket on the event loop; ``take`` gets the frames of each message.

    While messages come fast it is read by the clock, many at a time: to be woken for each of them
    would cost more than the message.
    """

    def __init__(self, socket: Any, take: Callable[[list[bytes]], None]) -> None:
        import zmq  # noqa: PLC0415 - of an extra, for those who use it

        self.socket = socket
        self._take = take
        self._nothing = zmq.Again
        self._no_wait = int(zmq.NOBLOCK)
        # Without the detour by an enumeration, which takes longer than the rest of the question.
        self._has_more = partial(zmq.backend.Socket.get, socket, int(zmq.RCVMORE))
        self._loop = asyncio.get_running_loop()
        self._descriptor = socket.get(zmq.FD)
        self._is_watched = False
        self._last = 0.0
        self._turn: asyncio.Handle | None = self._loop.call_soon(self._read)

    def close(self) -> None:
        self._watch(is_watched=False)
        if self._turn is not None:
            self._turn.cancel()
        self.socket.close(0)

    def _readable(self) -> None:
        if self._turn is None:
            self._read()

    def _read(self) -> None:
        self._turn = None
        count = self._drain()
        if self.socket.closed:
            return
        now = self._loop.time()
        is_busy = count > 0 and now - self._last < _BUSY_SECONDS
        if count == _MESSAGES_PER_TURN:
            self._turn = self._loop.call_soon(self._read)
        elif is_busy:
            self._watch(is_watched=False)
            self._turn = self._loop.call_later(_PAUSE_SECONDS, self._read)
        elif not self._is_watched:
            # What came before it was watched is not told.
            self._watch(is_watched=True)
            self._turn = self._loop.call_soon(self._read)
        if count:
            self._last = now

    def _drain(self) -> int:
        receive, has_more, take = self.socket.recv, self._has_more, self._take
        for count in range(_MESSAGES_PER_TURN):
            try:
                frames = [receive(self._no_wait)]
            except self._nothing:
                return count
            while has_more():
                frames.append(receive())
            take(frames)
            if self.socket.closed:
                return count
        return _MESSAGES_PER_TURN

    def _watch(self, *, is_watched: bool) -> None:
        if is_watched and not self._is_watched:
            self._loop.add_reader(self._descriptor, self._readable)
        elif self._is_watched and not is_watched:
            self._loop.remove_reader(self._descriptor)
        self._is_watched = is_watched


class _Link:
    """The subscription to one endpoint."""

    def __init__(
        self,
        socket: Any,
        replay_socket: Callable[[], Any] | None,
        apply: Callable[[bytes], None],
        reset: Callable[[], None],
        unusable: Callable[[], None],
    ) -> None:
        import zmq  # noqa: PLC0415 - of an extra, for those who use it

        self.stream = EventStream(apply, reset, self._ask)
        self._unusable = unusable
        self._replay_socket = replay_socket
        self._replay: _Socket | None = None
        self._deadlines: list[asyncio.TimerHandle] = []
        monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._monitor = _Socket(monitor, lambda _: self.stream.reconnected())
        self._live = _Socket(socket, self._published)

    def connect(self, address: str) -> None:
        self._live.socket.connect(address)
        self.stream.begin()

    def close(self) -> None:
        self._end_replay()
        self._live.socket.disable_monitor()
        self._monitor.close()
        self._live.close()

    def _published(self, frames: list[bytes]) -> None:
        if len(frames) == 3 and len(frames[1]) == 8:
            self.stream.live(int.from_bytes(frames[1], "big"), frames[2])
        else:
            self._unusable()

    def _ask(self, number: int) -> bool:
        if self._replay_socket is None:
            return False
        import zmq  # noqa: PLC0415 - of an extra, for those who use it

        self._end_replay()
        socket = self._replay_socket()
        try:
            socket.send_multipart([b"", number.to_bytes(8, "big")], zmq.NOBLOCK)
        except (zmq.Again, OverflowError):
            socket.close(0)
            return False
        self._replay = _Socket(socket, self._replayed)
        loop = asyncio.get_running_loop()
        self._deadlines = [
            loop.call_later(_REPLAY_IDLE_SECONDS, self._give_up),
            loop.call_later(_REPLAY_SECONDS, self._give_up),
        ]
        return True

    def _replayed(self, frames: list[bytes]) -> None:
        if len(frames) < 2 or len(frames[-2]) != 8 or not frames[-1]:
            self._give_up()
            return
        self._deadlines[0].cancel()
        loop = asyncio.get_running_loop()
        self._deadlines[0] = loop.call_later(_REPLAY_IDLE_SECONDS, self._give_up)
        self.stream.replayed(int.from_bytes(frames[-2], "big"), frames[-1])

    def _give_up(self) -> None:
        self._end_replay()
        self.stream.replay_ended()

    def _end_replay(self) -> None:
        for deadline in self._deadlines:
            deadline.cancel()
        self._deadlines = []
        if self._replay is not None:
            self._replay.close()
            self._replay = None
