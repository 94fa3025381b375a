"""The simulator's KV-cache events, heard by the EPP's own listener and by a bare socket."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
import zmq

from epp.api.data import PrefixMatch, Tokens, find, publish
from epp.api.discovery import EndpointSpec
from epp.api.request import Request
from epp.datalayer.pool import Pool
from epp.kvcache.precise import PreciseCache
from epp.kvcache.settings import IndexerConfig, KvEventsConfig, TokenProcessorConfig
from epp.server.services import PoolHost
from gaiectl.simulator.kv_events import KvEventLog
from gaiectl.simulator.kv_events_config import KvEvents
from gaiectl.simulator.kv_publisher import KvPublisher
from machine.processes import free_port

RECORDED = Path(__file__).parents[2] / "fixtures" / "kv-events" / "vllm-0.32.0.jsonl"
MODEL = "llama"
BLOCK = 16
PROMPT = " ".join(f"word{number}" for number in range(100))
PATIENCE = 60.0


@pytest.fixture
async def cache() -> AsyncIterator[PreciseCache]:
    """Listen as an EPP does to which model servers connect."""
    heard = PreciseCache(
        TokenProcessorConfig(),
        IndexerConfig(),
        KvEventsConfig(zmq_endpoint="tcp://127.0.0.1:*", discover_pods=False),
        None,
    )
    heard.connect("precise", has_tokens=True)
    yield heard
    await heard.stop()


async def listen(cache: PreciseCache) -> tuple[Pool, str]:
    """Return a pool that is followed, and where simulators are to connect."""
    pool = Pool()
    pool.observe(cache)
    await cache.start(PoolHost(pool))
    address = cache.subscriber._bound.socket.get(zmq.LAST_ENDPOINT)  # type: ignore[union-attr]
    return pool, address.decode().rstrip("\0")


def endpoint(run: Any, name: str) -> EndpointSpec:
    parts = urlsplit(run.url)
    return EndpointSpec(name, "default", parts.hostname, parts.port)


def held(cache: PreciseCache, run: Any, prompt: str) -> dict[int, float]:
    """Return by endpoint how many blocks of a prompt the EPP believes to be there."""
    asked = {"model": MODEL, "prompt": prompt}
    tokens = httpx.post(f"{run.url}/tokenize", json=asked).json()["tokens"]
    request = Request("id", {}, MODEL, MODEL)
    publish(request, "tokens", Tokens([tokens], is_exact=True))
    cache.find(request)
    found = find(request, PrefixMatch)
    assert found is not None
    return dict(found.blocks)


def ask(run: Any, prompt: str) -> int:
    """Return how many tokens of a prompt were in the server's cache."""
    body = {"model": MODEL, "prompt": prompt, "max_tokens": 1}
    usage = httpx.post(f"{run.url}/v1/completions", json=body).json()["usage"]
    return int((usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0))


def tell(run: Any, path: str) -> None:
    httpx.post(f"{run.url}{path}").raise_for_status()


def tries() -> Iterator[int]:
    """Count, as long as patience lasts."""
    deadline = time.monotonic() + PATIENCE
    for number in count():
        yield number
        assert time.monotonic() < deadline


async def eventually(
    condition: Callable[[], Any], again: Callable[[int], Any] = lambda _: None
) -> None:
    for number in tries():
        if condition():
            return
        await asyncio.to_thread(again, number)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("form", ["arrays", "maps"])
async def test_an_epp_knows_what_a_server_holds_and_no_longer_holds(
    cache: PreciseCache, simulator: Callable[..., Any], form: str
) -> None:
    pool, address = await listen(cache)
    run = await asyncio.to_thread(
        simulator,
        *("--model", MODEL, "--zmq-endpoint", address, "--kv-cache-size", "8"),
        *("--enable-sleep-mode", "--dev-mode", f"--use-vllm-map-event-format={form == 'maps'}"),
        environ={"POD_IP": "127.0.0.1"},
    )
    pool.replace([endpoint(run, "pod")])
    # What is published before somebody listens is lost, as it is with vLLM, and not told again.
    await eventually(
        lambda: cache.index.counts["stored"], lambda number: ask(run, f"{number} " * BLOCK)
    )
    tell(run, "/sleep")
    await eventually(lambda: cache.index.size == 0)
    tell(run, "/wake_up")

    assert ask(run, PROMPT) == 0
    await eventually(lambda: held(cache, run, PROMPT))
    (blocks,) = held(cache, run, PROMPT).values()
    assert ask(run, PROMPT) == blocks * BLOCK > 0

    ask(run, "something else entirely " * 60)
    await eventually(lambda: not held(cache, run, PROMPT))
    assert ask(run, PROMPT) == 0


def test_messages_can_be_had_again(simulator: Callable[..., Any]) -> None:
    port = free_port()
    run = simulator(
        *("--model", MODEL, "--zmq-endpoint", "tcp://127.0.0.1:9", "--zmq-topic", "kv@pod"),
        *("--kv-events-replay-endpoint", f"tcp://127.0.0.1:{port}"),
        *("--kv-events-replay-queue-size", "2"),
    )
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.set(zmq.LINGER, 0)
        socket.connect(f"tcp://127.0.0.1:{port}")
        for number in range(3):
            ask(run, f"{number} " * BLOCK)
            # It is not sent at once.
            assert any([*replay(socket, number)] for _ in tries())
        socket.send_multipart([b"no question"])
        kept = dict(replay(socket, 0))

    assert [*kept] == [1, 2]
    assert [event[0] for _, events, _ in kept.values() for event in events] == ["BlockStored"] * 2


async def test_what_a_rank_has_kept_can_be_had_at_its_port_however_slowly_it_is_read() -> None:
    kept = 4000
    port = free_port()
    log = KvEventLog(BLOCK)
    config = KvEvents(
        enable_kv_cache_events=True,
        endpoint="tcp://127.0.0.1:9",
        replay_endpoint=f"tcp://127.0.0.1:{port - 1}",
        buffer_steps=kept,
    )
    with (
        closing(KvPublisher(log, config, rank=1, batch=1, as_maps=False)),
        zmq.Context() as context,
        context.socket(zmq.DEALER) as socket,
    ):
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.RCVHWM, 1)
        for block in range(kept):
            log.stored(block, None, range(1000, 3000))
        socket.connect(f"tcp://127.0.0.1:{port}")
        socket.send_multipart([b"", bytes(8)])
        await eventually(lambda: socket.poll(0))
        ranks = {number: rank for number, (_, _, rank) in replayed(socket)}
    assert ranks == dict.fromkeys(range(kept), 1)


def replay(socket: Any, first: int) -> Iterator[tuple[int, Any]]:
    """Yield number and message of what is still there, from a number on."""
    socket.send_multipart([b"", first.to_bytes(8, "big")])
    yield from replayed(socket)


def replayed(socket: Any) -> Iterator[tuple[int, Any]]:
    while socket.poll(PATIENCE * 1000):
        empty, number, payload = socket.recv_multipart()
        assert empty == b""
        if number == b"\xff" * 8:
            assert payload == b""
            return
        yield int.from_bytes(number, "big"), msgspec.msgpack.decode(payload)
    raise TimeoutError


def test_messages_look_like_those_of_a_real_server(simulator: Callable[..., Any]) -> None:
    recorded = json.loads(RECORDED.read_text().splitlines()[0])["frames"]
    real = msgspec.msgpack.decode(base64.b64decode(recorded[2]))
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.set(zmq.LINGER, 0)
        socket.subscribe(b"kv@")
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        config = {
            "enable_kv_cache_events": True,
            "endpoint": f"tcp://127.0.0.1:{port}",
            "topic": "kv@10.0.0.1@llama",
        }
        run = simulator(
            *("--model", MODEL, "--kv-events-config", json.dumps(config)),
            "--use-vllm-map-event-format",
        )
        for number in tries():
            ask(run, f"{number} " * BLOCK * 2)
            if socket.poll(100):
                break
        topic, _, payload = socket.recv_multipart()

    ours = msgspec.msgpack.decode(payload)
    assert topic == b"kv@10.0.0.1@llama"
    assert [type(one) for one in ours] == [type(one) for one in real]
    (stored,), (known,) = ours[1], real[1]
    assert [*stored] == [*known][: len(stored)]
    assert {name: type(stored[name]) for name in stored} == {
        name: type(known[name]) for name in stored
    }


def test_an_address_that_is_taken_is_told(simulator: Callable[..., Any]) -> None:
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        with pytest.raises(AssertionError, match="Address already in use"):
            simulator(
                *("--zmq-endpoint", "tcp://127.0.0.1:9"),
                *("--kv-events-replay-endpoint", f"tcp://127.0.0.1:{port}"),
            )
