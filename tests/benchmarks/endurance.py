"""What an EPP holds and keeps: memory of open streams, and of millions of requests.

    python tests/benchmarks/endurance.py streams [--count N]
    python tests/benchmarks/endurance.py leak [--requests N]
    python tests/benchmarks/endurance.py cost [--requests N] [--workers N]
    python tests/benchmarks/endurance.py plugins [--requests N]
    python tests/benchmarks/endurance.py picks [--requests N]

The EPP is a process of its own; the gateway is played by extproc_client.py.
"""

import argparse
import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from itertools import count

import uvloop
from extproc_client import BUFFERED, DUPLEX, Client, completion
from figures import Figure, Target, as_table
from parts import HOST, Epp, Parts
from procfs import cpu_seconds, memory
from scheduling import decision_seconds
from stand_ins import DATA, Shape

from epp.config import DEFAULT_TEXT

_MIB = 1024 * 1024
_PROMPT = "The critic walks by the bay, notes the light and the price of bread. " * 4
_STREAMS_PER_CONNECTION = 5000
_SHAPE = Shape(events=0, interval_seconds=0.005, is_held=False)


def main() -> int:
    """Run what the command line asks for and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("streams", "leak", "cost", "plugins", "picks"))
    parser.add_argument("--count", type=int, default=100_000, help="streams held open")
    parser.add_argument("--requests", type=int, default=0, help="requests sent")
    parser.add_argument("--workers", type=int, default=0, help="transport processes of the EPP")
    given = parser.parse_args()
    if given.what in ("plugins", "picks"):
        measure = _plugins if given.what == "plugins" else _picks
        figures = measure(given.requests or 20_000)
        print(as_table({"cores": str(os.cpu_count())}, figures))
        return 0
    with Parts() as parts:
        model_servers = parts.stand_ins(4, _SHAPE)
        more = [f"--workers={given.workers}"] if given.workers else []
        epp = parts.epp(model_servers, *more)
        if given.what == "streams":
            figures = uvloop.run(_streams(epp, given.count))
        elif given.what == "leak":
            figures = uvloop.run(_leak(epp, given.requests or 5_000_000))
        else:
            figures = uvloop.run(_cost(epp, given.requests or 200))
    print(as_table({"cores": str(os.cpu_count()), "load": f"{os.getloadavg()[0]:.1f}"}, figures))
    return 0


async def _streams(epp: Epp, wanted: int) -> list[Figure]:
    """Hold streams whose requests were routed and whose responses are not shown."""
    async with AsyncExitStack() as stack:
        before = memory(epp.pid).resident
        numbers = count()
        for first in range(0, wanted, _STREAMS_PER_CONNECTION):
            client = await Client.connect(HOST, epp.grpc_port)
            stack.callback(client.close)
            for _ in range(0, min(_STREAMS_PER_CONNECTION, wanted - first), 100):
                await asyncio.gather(
                    *(
                        client.exchange(
                            completion(BUFFERED, _PROMPT, number=next(numbers)), is_held=True
                        )
                        for _ in range(100)
                    )
                )
        held = memory(epp.pid).resident
    per_stream = (held - before) / wanted
    return [
        Figure(7, "held_mib", f"{wanted} streams held", "MiB", (held / _MIB,), Target(2048)),
        Figure(7, "stream_bytes", "a stream", "B", (per_stream,)),
    ]


async def _leak(epp: Epp, requests: int) -> list[Figure]:
    """Send requests, all different, and watch the resident memory after the first tenth."""
    clients = [await Client.connect(HOST, epp.grpc_port) for _ in range(4)]
    numbers = count()
    marks: list[float] = []
    started = time.monotonic()

    async def send(client: Client, many: int) -> None:
        for _ in range(many):
            await client.exchange(completion(BUFFERED, _PROMPT, number=next(numbers)))

    for tenth in range(10):
        await asyncio.gather(
            *(send(client, requests // 10 // 64) for client in clients for _ in range(16))
        )
        marks.append(memory(epp.pid).resident / _MIB)
        print(f"  {next(numbers)} requests: {marks[-1]:.1f} MiB", file=sys.stderr)
        del tenth
    for client in clients:
        client.close()
    sent = next(numbers)
    growth = (marks[-1] / marks[0] - 1) * 100
    return [
        Figure(8, "leak_percent", f"growth over {sent} requests", "%", (growth,), Target(5)),
        Figure(8, "leak_mib", "resident, by tenths", "MiB", tuple(marks)),
        Figure(8, "leak_rate", "requests", "/s", (sent / (time.monotonic() - started),)),
    ]


def _plugins(requests: int) -> list[Figure]:
    """Measure every plugin at once beside the default ones, among 20 endpoints."""
    figures = []
    every = (DATA / "every-plugin.yaml").read_text()
    cases = (("the default plugins", DEFAULT_TEXT, None), ("every plugin", every, Target(150)))
    with Parts() as parts:
        model_servers = parts.stand_ins(20, _SHAPE)
        epps = [parts.epp(model_servers, text=text) for _, text, _ in cases]
        for number, (title, _, target) in enumerate(cases):
            runs = [uvloop.run(_short(epps[number], requests)) for _ in range(3)]
            figures.append(Figure(10, f"us_plugins_{number}", title, "us", tuple(runs), target))
    return figures


def _picks(requests: int) -> list[Figure]:
    """Measure decisions among 1000 endpoints that report 20 times a second each."""
    runs, tails = [], []
    for seed in range(3):
        times = decision_seconds(1000, len(_PROMPT), requests // 3, seed, scrapes=4)
        runs.append(len(times) / sum(times))
        tails.append(sorted(times)[len(times) * 99 // 100] * 1e6)
    return [
        Figure(
            11, "picks", "decisions on one core", "/s", tuple(runs), Target(5000, is_upper=False)
        ),
        Figure(11, "picks_p99", "p99 of one", "us", tuple(tails)),
    ]


async def _short(epp: Epp, requests: int) -> float:
    """Return the CPU microseconds of a short request."""
    clients = [await Client.connect(HOST, epp.grpc_port) for _ in range(16)]
    numbers = iter(range(requests))

    async def send(client: Client) -> None:
        for n in numbers:
            await client.exchange(completion(BUFFERED, _PROMPT, number=n))

    before = _cpu(epp.pid)
    await asyncio.gather(*(send(client) for client in clients for _ in range(4)))
    spent = _cpu(epp.pid) - before
    for client in clients:
        client.close()
    return spent / requests * 1e6


async def _cost(epp: Epp, requests: int) -> list[Figure]:
    """Measure CPU per request, all processes of the EPP together."""
    figures = []
    long = "The critic walks by the bay, notes the light and the price of bread. " * 5800
    cases = (
        ("72 tokens, buffered", lambda n: completion(BUFFERED, _PROMPT, number=n), 100, 4),
        ("72 tokens, duplex", lambda n: completion(DUPLEX, _PROMPT, number=n), 100, 4),
        (
            "100k tokens, 1000 chunks, duplex",
            lambda n: completion(DUPLEX, long, chunks=1000, number=n),
            1,
            1,
        ),
    )
    clients = [await Client.connect(HOST, epp.grpc_port) for _ in range(16)]
    for number, (title, make, factor, together) in enumerate(cases):
        many = requests * factor
        numbers = iter(range(many))

        async def send(client: Client) -> None:
            for n in numbers:  # noqa: B023 - awaited before it changes
                await client.exchange(make(n))  # noqa: B023 - the same

        await asyncio.gather(*(client.exchange(make(-1)) for client in clients))
        before, started = _cpu(epp.pid), time.monotonic()
        # Many short ones at a time, as gateways have them.
        await asyncio.gather(*(send(client) for client in clients for _ in range(together)))
        spent, passed = _cpu(epp.pid) - before, time.monotonic() - started
        figures += [
            Figure(9, f"us_{number}", title, "us", (spent / many * 1e6,)),
            Figure(9, f"rate_{number}", "  at", "/s", (many / passed,)),
        ]
    for client in clients:
        client.close()
    return figures


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process and of its children."""
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()  # noqa: SIM115, PTH123
    return cpu_seconds(pid) + sum(cpu_seconds(int(child)) for child in children)


if __name__ == "__main__":
    sys.exit(main())
