"""Events over real sockets: publishers as vLLM has them, on this machine."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from epp.api.data import PrefixMatch, Tokens, find, publish
from epp.api.discovery import EndpointSpec
from epp.api.errors import ConfigError
from epp.api.request import Decision, Request
from epp.datalayer.pool import Pool
from epp.kvcache.precise import PreciseCache
from epp.kvcache.settings import (
    IndexerConfig,
    KvEventsConfig,
    PodDiscoveryConfig,
    TokenProcessorConfig,
)
from epp.server.services import PoolHost
from machine.processes import free_port

RECORDED = Path(__file__).parents[3] / "fixtures" / "kv-events" / "vllm-0.32.0.jsonl"
PATIENCE = 60
TOPIC = b"kv@127.0.0.1@llama"
PROMPT = list(range(1, 13))


def payload(tokens: Sequence[int], first: int = 100, rank: int = 0) -> bytes:
    hashes = list(range(first, first + len(tokens) // 4))
    return msgspec.msgpack.encode([1.0, [["BlockStored", hashes, None, list(tokens), 4]], rank])


class Publisher:
    """A model server's publisher: numbers messages, and can replay them."""

    def __init__(self, context: zmq.Context[Any], port: int = 0, replay_port: int = 0) -> None:
        self.sent: list[bytes] = []
        self.live = context.socket(zmq.XPUB)
        self.live.set(zmq.LINGER, 0)
        self.replay = context.socket(zmq.ROUTER)
        self.replay.set(zmq.LINGER, 0)
        self.port = _bound(self.live, port)
        self.replay_port = _bound(self.replay, replay_port)

    async def subscribed(self) -> None:
        while not await asyncio.to_thread(self.live.poll, PATIENCE * 1000):
            raise TimeoutError
        self.live.recv()

    def send(self, message: bytes, *, is_lost: bool = False, topic: bytes = TOPIC) -> None:
        number = len(self.sent)
        self.sent.append(message)
        if not is_lost:
            self.live.send_multipart([topic, number.to_bytes(8, "big"), message])

    async def answer_replay(self) -> int:
        assert await asyncio.to_thread(self.replay.poll, PATIENCE * 1000)
        client, empty, start = self.replay.recv_multipart()
        first = int.from_bytes(start, "big")
        for number, message in enumerate(self.sent[first:], first):
            self.replay.send_multipart([client, empty, number.to_bytes(8, "big"), message])
        self.replay.send_multipart([client, empty, b"\xff" * 8, b""])
        return first

    def close(self) -> None:
        self.live.close(0)
        self.replay.close(0)


def _bound(socket: Any, port: int) -> int:
    port = port or free_port()
    deadline = time.monotonic() + PATIENCE
    while True:  # the one before gives the port back when it likes
        try:
            socket.bind(f"tcp://127.0.0.1:{port}")
        except zmq.ZMQError:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        else:
            return port


@pytest.fixture
def context() -> Any:
    made: zmq.Context[Any] = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
async def listening() -> AsyncIterator[Callable[..., Any]]:
    """Make a cache that listens to the endpoints of a pool."""
    caches = []

    async def make(
        specs: Sequence[EndpointSpec], *, speculative: float | None = None, **events: Any
    ) -> tuple[PreciseCache, Pool]:
        pool = Pool()
        pool.replace(specs)
        cache = PreciseCache(
            TokenProcessorConfig(), IndexerConfig(), KvEventsConfig(**events), speculative
        )
        cache.connect("precise", has_tokens=True)
        pool.observe(cache)
        caches.append(cache)
        await cache.start(PoolHost(pool))
        return cache, pool

    yield make
    for cache in caches:
        await cache.stop()


def pod(name: str = "pod", address: str = "127.0.0.1", port: int = 8000) -> EndpointSpec:
    return EndpointSpec(name, "default", address, port)


def at(publisher: Publisher, *, replays: bool = True) -> PodDiscoveryConfig:
    replay_port = publisher.replay_port if replays else 0
    return PodDiscoveryConfig(socket_port=publisher.port, replay_port=replay_port)


async def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def match(cache: PreciseCache, tokens: Sequence[int] = PROMPT) -> dict[int, float]:
    request = Request("id", {}, "llama", "llama")
    publish(request, "tokens", Tokens([tokens], is_exact=True))
    cache.find(request)
    found = find(request, PrefixMatch)
    assert found is not None
    return dict(found.blocks)


def counted(cache: PreciseCache, name: str) -> Any:
    """Return the value of a metric without labels."""
    (value,) = [v for f in cache.metrics() if f.name == name for _, v in f.samples]
    return value


async def test_what_a_pod_publishes_is_known_and_forgotten_with_the_pod(
    context: Any, listening: Callable[..., Any]
) -> None:
    publisher = Publisher(context)
    cache, pool = await listening([pod()], pod_discovery_config=at(publisher, replays=False))
    await publisher.subscribed()
    publisher.send(payload(PROMPT))
    await eventually(lambda: bool(match(cache)))

    assert match(cache) == {0: 3}
    assert match(cache, PROMPT[:4]) == {0: 1}

    pool.replace([pod(address="127.0.0.2")])

    assert cache.index.size == 0
    assert [endpoint.address for endpoint in cache.subscriber._links] == ["127.0.0.2"]
    publisher.close()


async def test_lost_messages_are_replayed_before_later_ones_count(
    context: Any, listening: Callable[..., Any]
) -> None:
    publisher = Publisher(context)
    publisher.send(payload(PROMPT[:4], first=1), is_lost=True)
    cache, _ = await listening([pod()], pod_discovery_config=at(publisher))
    await publisher.subscribed()

    assert await publisher.answer_replay() == 0
    await eventually(lambda: match(cache) == {0: 1})

    parts = [1.0, [["BlockStored", [2], 1, PROMPT[4:8], 4]], 0]
    publisher.send(msgspec.msgpack.encode(parts), is_lost=True)
    parts = [1.0, [["BlockStored", [3], 2, PROMPT[8:], 4]], 0]
    publisher.send(msgspec.msgpack.encode(parts))

    assert await publisher.answer_replay() == 1
    await eventually(lambda: match(cache) == {0: 3})
    assert cache.state()["lostMessages"] == 0
    publisher.close()


async def test_a_pod_that_restarts_holds_nothing_of_before(
    context: Any, listening: Callable[..., Any]
) -> None:
    publisher = Publisher(context)
    places = at(publisher, replays=False)
    cache, _ = await listening([pod()], pod_discovery_config=places)
    await publisher.subscribed()
    publisher.send(payload(PROMPT))
    publisher.send(payload([7] * 4, first=500))
    await eventually(lambda: cache.index.size == 4)
    publisher.close()

    again = Publisher(context, places.socket_port)
    await again.subscribed()
    again.send(payload([8] * 4))
    await eventually(lambda: match(cache, [8] * 4) == {0: 1})

    assert match(cache) == {}
    assert cache.state()["restarts"] == 1
    assert counted(cache, "kvcache_kvevents_restarts_total") == 1
    again.close()


async def test_messages_that_nobody_has_any_more_are_counted(
    context: Any, listening: Callable[..., Any]
) -> None:
    publisher = Publisher(context)
    cache, _ = await listening([pod()], pod_discovery_config=at(publisher, replays=False))
    await publisher.subscribed()
    publisher.send(payload([7] * 4))
    for _ in range(2):
        publisher.send(payload([8] * 4), is_lost=True)
    publisher.send(payload(PROMPT))
    await eventually(lambda: match(cache) == {0: 3})

    assert cache.state()["lostMessages"] == 2
    assert counted(cache, "kvcache_kvevents_lost_messages_total") == 2
    publisher.close()


async def test_pods_that_connect_are_known_by_their_topic_and_rank(
    context: Any, listening: Callable[..., Any]
) -> None:
    specs = [pod("a-rank-0", "10.0.0.1"), pod("a-rank-1", "10.0.0.1", 8001), pod("b", "10.0.0.2")]
    address = f"tcp://127.0.0.1:{free_port()}"
    cache, _ = await listening(specs, zmq_endpoint=address, discover_pods=False)
    socket = context.socket(zmq.XPUB)
    socket.connect(address)
    assert await asyncio.to_thread(socket.poll, PATIENCE * 1000)
    socket.recv()
    number = bytes(8)
    for frames in (
        [b"kv@10.0.0.1@llama", number, payload(PROMPT, rank=1)],
        [b"kv@10.0.0.2@llama", number, payload(PROMPT[:8])],
        [b"kv@10.9.9.9@llama", number, payload(PROMPT)],
        [b"kv@10.0.0.2@llama", b"short", payload(PROMPT)],
        [b"kv@"],
        [b"kv@10.0.0.1@llama", number, b"\xc1"],
    ):
        socket.send_multipart(frames)
    await eventually(lambda: cache.index.counts["malformed"] == 3)

    assert match(cache) == {1: 3, 2: 2}
    assert cache.index.counts["unknown"] == 1
    socket.close(0)


async def test_hostile_messages_are_counted_and_the_rest_is_heard(
    context: Any, listening: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    publisher = Publisher(context)
    cache, _ = await listening([pod()], pod_discovery_config=at(publisher, replays=False))
    await publisher.subscribed()
    for message in (b"", b"\xdd\xff\xff\xff\xff", b"\x91" * 100_000, b"\x00" * 100):
        publisher.send(message)
    publisher.live.send_multipart([TOPIC, b"", b""])
    publisher.live.send_multipart([TOPIC])
    publisher.send(payload(PROMPT))
    await eventually(lambda: match(cache) == {0: 3})

    assert cache.index.counts["malformed"] == 6
    assert len([r for r in caplog.records if "cannot be read" in r.message]) == 1
    publisher.close()


async def test_an_address_that_cannot_be_bound_is_a_start_error(
    listening: Callable[..., Any],
) -> None:
    with pytest.raises(ConfigError, match="zmqEndpoint"):
        await listening([pod()], zmq_endpoint="tcp://*:nowhere")


async def test_what_is_sent_counts_until_events_tell(listening: Callable[..., Any]) -> None:
    cache, pool = await listening([pod()], speculative=60.0, zmq_endpoint="tcp://127.0.0.1:*")
    endpoint = pool.snapshot()[0].endpoint
    request = Request("id", {}, "llama", "llama")
    prompt = list(range(64))
    publish(request, "tokens", Tokens([prompt], is_exact=True))
    cache.find(request)
    cache.dispatched(request, Decision((endpoint,)))

    assert match(cache, prompt) == {0: 4}


async def test_a_recorded_conversation_is_found_again(
    context: Any, listening: Callable[..., Any]
) -> None:
    publisher = Publisher(context)
    cache, _ = await listening([pod()], pod_discovery_config=at(publisher, replays=False))
    await publisher.subscribed()
    for line in RECORDED.read_text().splitlines():
        publisher.live.send_multipart([base64.b64decode(f) for f in json.loads(line)["frames"]])
    await eventually(lambda: cache.index.counts["stored"] == 52)

    assert cache.index.size == 24
    assert cache.index.block_tokens() == (32,)
    publisher.close()
