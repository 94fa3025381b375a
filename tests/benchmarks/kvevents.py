"""Measures the precise prefix cache: events over ZeroMQ, lookups, memory.

    python tests/benchmarks/kvevents.py [--quick]

One process publishes as vLLM does, one block of 16 tokens with each event; this one subscribes, as
the EPP does, on uvloop. Figures are this machine's.
"""

import argparse
import asyncio
import multiprocessing
import os
import time
from array import array
from random import Random
from typing import Any, NamedTuple

import msgspec
import uvloop
from procfs import memory

from epp.api.data import Tokens, publish
from epp.api.discovery import EndpointSpec
from epp.api.request import Request
from epp.datalayer.pool import Pool
from epp.kvcache.events import Batch, Stored
from epp.kvcache.index import BlockIndex, Bounds
from epp.kvcache.precise import PreciseCache
from epp.kvcache.settings import (
    IndexerConfig,
    KvEventsConfig,
    PodDiscoveryConfig,
    TokenProcessorConfig,
)
from epp.scheduling.prefix_index import PrefixIndex
from epp.server.services import PoolHost

MIB = 1024 * 1024
_BLOCK = 16
_PROMPT = 100_000


class Absorbed(NamedTuple):
    """What taking events cost.

    Attributes:
        events: taken.
        per_second: their rate.
        cores: CPU seconds of this process for each second.
    """

    events: int
    per_second: float
    cores: float


def messages(count: int, seed: int = 1) -> list[bytes]:
    """Return events as a model server sends them: four blocks stored in chains, one removed."""
    random, made, parent = Random(seed), [], None
    known: list[int] = []
    chain: list[int] = []
    for number in range(count):
        if known and number % 5 == 4:
            victim = known.pop(random.randrange(len(known)))
            event: dict[str, Any] = {"type": "BlockRemoved", "block_hashes": [victim]}
            made.append(msgspec.msgpack.encode([1.0, [{**event, "medium": "GPU"}], 0]))
            continue
        name = random.getrandbits(64)
        event = {
            "type": "BlockStored",
            "block_hashes": [name],
            "parent_block_hash": parent,
            "token_ids": [random.randrange(150_000) for _ in range(_BLOCK)],
            "block_size": _BLOCK,
            "lora_id": None,
            "medium": "GPU",
            "lora_name": None,
            "extra_keys": [None],
            "group_idx": 0,
            "kv_cache_spec_kind": "full_attention",
        }
        parent = name
        chain.append(name)
        if len(chain) == 64:
            parent = None
            known += chain
            chain.clear()
        made.append(msgspec.msgpack.encode([1.0, [event], 0]))
    return made


def _publish(ports: Any, per_second: int, count: int) -> None:
    import zmq  # noqa: PLC0415 - in the other process

    context: zmq.Context[Any] = zmq.Context()
    socket = context.socket(zmq.XPUB)
    socket.set(zmq.SNDHWM, 0)
    ports.put(socket.bind_to_random_port("tcp://127.0.0.1"))
    payloads = messages(count)
    socket.recv()
    started = time.perf_counter()
    for number, payload in enumerate(payloads):
        if number % 100 == 0:
            ahead = started + number / per_second - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)
        socket.send_multipart([b"kv@127.0.0.1@llama", number.to_bytes(8, "big"), payload])
    time.sleep(1)


async def absorb(per_second: int, count: int) -> Absorbed:
    """Take events at this rate, and return what it cost."""
    processes = multiprocessing.get_context("spawn")
    ports = processes.Queue()
    publisher = processes.Process(target=_publish, args=(ports, per_second, count), daemon=True)
    publisher.start()
    port = await asyncio.to_thread(ports.get)
    pool = Pool()
    pool.replace([EndpointSpec("pod", "default", "127.0.0.1", 8000)])
    events = KvEventsConfig(pod_discovery_config=PodDiscoveryConfig(socket_port=port))
    cache = PreciseCache(TokenProcessorConfig(), IndexerConfig(), events, None)
    cache.connect("precise", has_tokens=True)
    await cache.start(PoolHost(pool))
    counts = cache.index.counts
    while not counts:  # noqa: ASYNC110 - what is measured must not tell of itself
        await asyncio.sleep(0.01)
    started, used, before = time.perf_counter(), time.process_time(), sum(counts.values())
    while counts["stored"] + counts["removed"] < count * 0.95:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.05)
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    taken = sum(counts.values()) - before
    await cache.stop()
    publisher.kill()
    publisher.join()
    return Absorbed(taken, taken / seconds, cpu / seconds)


def lookup_seconds(endpoints: int, repeat: int) -> float:
    """Return the shortest time to look a prompt of 100k tokens up that all endpoints hold."""
    cache = PreciseCache(TokenProcessorConfig(), IndexerConfig(), KvEventsConfig(), None)
    random = Random(3)
    tokens = [random.randrange(150_000) for _ in range(_PROMPT)]
    for slot in range(endpoints):
        kept = _PROMPT // _BLOCK * (slot + 1) // endpoints
        names = list(range(1, kept + 1))
        stored = Stored(names, None, tokens[: kept * _BLOCK], _BLOCK)
        cache.index.apply(slot, Batch([stored], 0))
    best = float("inf")
    for _ in range(repeat):
        request = Request("id", {}, "llama", "llama")
        publish(request, "tokens", Tokens([array("I", tokens)], is_exact=True))
        started = time.perf_counter()
        match = cache.find(request)
        best = min(best, time.perf_counter() - started)
        assert match is not None
        assert match.blocks[endpoints - 1] == _PROMPT // _BLOCK
    return best


def index_bytes(kind: str, blocks: int, endpoints: int) -> float:
    """Return the memory for each of these many blocks, each held by one endpoint."""
    random = Random(2)
    before = memory(os.getpid()).resident
    approximate, precise = PrefixIndex(), BlockIndex(Bounds(2 * blocks, 2 * blocks))
    for number in range(blocks // 100):
        names = [random.getrandbits(64) for _ in range(100)]
        if kind == "approximate":
            approximate.add(number % endpoints, names, 2 * blocks)
        else:
            tokens = [random.randrange(150_000) for _ in range(100 * _BLOCK)]
            stored = Stored(names, None, tokens, _BLOCK)
            precise.apply(number % endpoints, Batch([stored], 0))
    assert approximate.size + precise.size == blocks
    return (memory(os.getpid()).resident - before) / blocks


def _measured(kind: str, blocks: int, endpoints: int) -> float:
    """Do it in a process of its own, so that nothing is used again."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(index_bytes, (kind, blocks, endpoints))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="prove that it runs, roughly")
    is_quick = parser.parse_args().quick
    scale = 20 if is_quick else 1
    rates = (20_000,) if is_quick else (20_000, 50_000)
    print("KV events over ZeroMQ")
    for rate in rates:
        taken = uvloop.run(absorb(rate, rate * 10 // scale))
        print(f"  {taken.per_second:9,.0f} a second  {taken.cores:5.2f} cores")
    print(f"lookup of {_PROMPT:,} tokens")
    for endpoints in (1, 20, 200):
        seconds = lookup_seconds(endpoints, 3 if is_quick else 20)
        print(f"  {endpoints:4} endpoints   {seconds * 1e3:5.2f} ms")
    blocks = 1_000_000 // scale
    print(f"memory of {blocks:,} blocks")
    for kind in ("approximate", "precise"):
        for endpoints in (1, 32):
            size = _measured(kind, blocks, endpoints)
            print(f"  {kind:11} {endpoints:4} endpoints  {size * blocks / MIB:6.0f} MiB")


if __name__ == "__main__":
    main()
