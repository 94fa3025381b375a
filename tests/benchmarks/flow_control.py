"""What flow control costs with a full queue: ``python tests/benchmarks/flow_control.py``.

A pool is full and requests wait, of 50 flows in 3 bands. Measured is, in CPU time of this thread:

- queue: taking one more request into the full queue;
- look: one look for room in vain, as new figures of an endpoint cause it;
- dispatch: letting one request go on, from the look for room to the call that schedules it, each
  time over a pool that the dispatch before has changed;
- plain: admitting a request while there is room and nobody waits;
- scheduling: the decision itself with the default configuration, for comparison.

While nobody waits, and while nothing happens to a full pool, there must be no timer: ``timers``
counts those that are set.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable
from random import Random
from typing import Any

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Metrics
from epp.api.request import Request
from epp.config.loader import load
from epp.datalayer.pool import Pool
from epp.metrics.recorder import EppMetrics
from epp.parsing.prompt import TextPrompt
from epp.scheduling.scheduler import Scheduler
from epp.server.admission import Admissions

CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
featureGates: [flowControl]
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: {policy}
flowControl:
  defaultPriorityBand: {{fairnessPolicyRef: {policy}}}
"""
POLICIES = ("global-strict-fairness-policy", "round-robin-fairness-policy")
FLOWS = 50
ROOM = -(10**6)
"""A queue so short that all who wait find room, although each of them makes it longer."""
PROMPT = "the critic walks by the bay, notes on light and bread " * 20


class StandingLoop:
    """Takes the place of the event loop: does what is due when it is told to."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []
        self.timers = 0

    def now(self) -> float:
        return time.monotonic()

    def soon(self, call: Callable[[], None]) -> None:
        self.due.append(call)

    def at(self, when: float, call: Callable[[], None]) -> Callable[[], None]:
        self.timers += 1
        return self._forget

    def _forget(self) -> None:
        self.timers -= 1

    def turn(self) -> None:
        due, self.due = self.due, []
        for call in due:
            call()


def cost(
    waiting: int, endpoints: int, policy: str = POLICIES[0], seed: int = 1
) -> dict[str, float]:
    """Return the microseconds of each thing, and the number of timers.

    Args:
        waiting: requests in the queue.
        endpoints: in the pool.
        policy: whose turn it is among the flows.
        seed: of the load.
    """
    random, pool, metrics = Random(seed), Pool(), EppMetrics()
    pool.replace(
        EndpointSpec(f"pod-{n}", "default", f"10.0.{n // 250}.{n % 250}", 8000)
        for n in range(endpoints)
    )
    config = load(CONFIG.format(policy=policy))
    scheduler = Scheduler(config.profiles, config.handler, config.instances)
    admission: Any = Admissions(pool, metrics.flow).make(config).admission
    loop = admission._timers = StandingLoop()

    def report(queue: int) -> None:
        now = time.monotonic()
        for candidate in pool.snapshot():
            pool.scrape_started(candidate.endpoint)
            pool.scraped(candidate.endpoint, Metrics(waiting=queue, updated_at=now))

    def request(number: int) -> Request:
        flow, priority = f"flow-{random.randrange(FLOWS)}", random.choice((-1, 0, 5))
        prompt = TextPrompt((f"{number:08}{PROMPT}",))
        return Request(
            str(number), {}, "m", "m", prompt, size=1000, fairness_id=flow, priority=priority
        )

    found: dict[str, float] = {}
    members = [candidate.endpoint for candidate in pool.snapshot()]
    proceeded = 0

    def proceed(_: object) -> None:
        nonlocal proceeded
        pool.dispatched(members[proceeded % endpoints])
        proceeded += 1

    def ignore(_: object) -> None:
        pass

    report(ROOM)
    requests = [request(number) for number in range(2 * waiting)]
    found["scheduling"] = _each(requests[:200], lambda r: scheduler.schedule(r, pool.snapshot()))

    def admit(one: Request) -> None:
        assert admission.admit(one, proceed, ignore)
        proceed(None)

    found["plain"] = _each(requests[:2000], admit)
    report(20)
    for one in requests[:waiting]:
        admission.admit(one, proceed, ignore)
    loop.turn()
    found["timers"] = loop.timers

    more = requests[waiting:][:500]

    def queue(one: Request) -> None:
        admission.admit(one, proceed, ignore)
        loop.turn()

    found["queue"] = _each(more, queue)

    def look(_: object) -> None:
        admission._turned_at = 0.0
        pool.scraped(members[0], Metrics(waiting=20, updated_at=time.monotonic()))
        loop.turn()

    found["look"] = _each(range(500), look)
    report(ROOM)
    admission.wake()
    proceeded = 0
    gc.collect()
    start = time.thread_time()
    while loop.due:
        loop.turn()
    spent = time.thread_time() - start
    found["dispatch"] = spent / proceeded * 1e6
    assert proceeded == waiting + len(more)
    assert not loop.timers
    return found


def _each(things: Any, call: Callable[[Any], object]) -> float:
    gc.collect()
    start = time.thread_time()
    for thing in things:
        call(thing)
    return (time.thread_time() - start) / len(things) * 1e6


async def main() -> None:
    """Print a line for each policy and size of the pool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    names = ("queue", "look", "dispatch", "plain", "scheduling")
    print(f"us, {arguments.waiting} waiting; median of {arguments.rounds}")
    print("endpoints  policy                         " + "".join(f"{n:>11}" for n in names))
    for endpoints in (1, 20, 200):
        for policy in POLICIES:
            rounds = [cost(arguments.waiting, endpoints, policy) for _ in range(arguments.rounds)]
            medians = [statistics.median(found[name] for found in rounds) for name in names]
            print(f"{endpoints:>9}  {policy:<31}" + "".join(f"{m:>11.1f}" for m in medians))
            assert not any(found["timers"] for found in rounds)


if __name__ == "__main__":
    asyncio.run(main())
