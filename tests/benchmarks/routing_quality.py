"""Compares what routing is worth: prefix hit rate and time to first token, in virtual time.

    python tests/benchmarks/routing_quality.py [--quick] [--replicas] [--servers N] [--seed N]

The scheduler, the pool and the configurations are the EPP's own; model servers and clock are
simulated (virtual_pool.py). With --replicas: what several EPP replicas that share nothing, are
addressed by session, or tell each other of their decisions, make of the same traffic.
"""

import argparse
from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random
from statistics import fmean, quantiles

from virtual_pool import Clock, Served, Server
from workloads import WORKLOADS, Arrival

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Endpoint
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.config.loader import load
from epp.datalayer.pool import Pool
from epp.parsing.prompt import TokenPrompt
from epp.scheduling.scheduler import Scheduler

SCRAPE_SECONDS = 0.05
BLOCKS = 24_000
RATE_PER_SERVER = 1.6
LEAST_QUEUE = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer}, {type: running-requests-size-scorer}]
"""
POLICIES = ("round robin", "least queue", "EPP, default")
Tell = Callable[[Request, Decision], None]


class Replica:
    """One EPP: its view of the pool, and its scheduler."""

    def __init__(self, clock: Clock, servers: Sequence[Server], config: str, seed: int) -> None:
        self._clock = clock
        self._servers = servers
        self._pool = Pool(clock=lambda: clock.now)
        self._pool.replace(
            EndpointSpec(f"pod-{n}", "default", f"10.0.0.{n + 1}", 8000)
            for n in range(len(servers))
        )
        made = load(config)
        self._scheduler = Scheduler(made.profiles, made.handler, made.instances, Random(seed))
        self._endpoints = [c.endpoint for c in self._pool.snapshot()]

    def scrape(self) -> None:
        """Take the figures of all servers as they are now."""
        for endpoint, server in zip(self._endpoints, self._servers, strict=True):
            self._pool.scrape_started(endpoint)
            self._pool.scraped(endpoint, server.metrics())

    def route(self, request: Request, told: Tell) -> tuple[int, Callable[[], None]]:
        """Return the server's index and what to call when the request has ended."""
        pool, scheduler = self._pool, self._scheduler
        candidates = pool.snapshot()
        decision = scheduler.schedule(request, candidates)
        scheduler.dispatched(request, decision, candidates)
        pool.dispatched(decision.primary)
        told(request, decision)

        def ended() -> None:
            pool.completed(decision.primary)
            scheduler.completed(request, decision, Outcome(200))

        return self._index(decision.primary), ended

    def learn(self, request: Request, server: int) -> None:
        """Take note of another replica's decision."""
        request.scratch.clear()
        candidates = self._pool.snapshot()
        decision = Decision((self._endpoints[server],))
        self._scheduler.schedule(request, candidates)
        self._scheduler.dispatched(request, decision, candidates)

    def _index(self, endpoint: Endpoint) -> int:
        return self._endpoints.index(endpoint)


def simulate(
    arrivals: Sequence[Arrival],
    servers: int,
    policy: str,
    *,
    replicas: int = 1,
    by_session: bool = False,
    sync_seconds: float = 0.0,
    seed: int = 1,
) -> list[Served]:
    """Return how each request fared.

    Args:
        arrivals: in order of time.
        servers: in the pool.
        policy: one of ``POLICIES``.
        replicas: EPPs, between which requests are spread at random.
        by_session: all requests of a session go to the same replica instead.
        sync_seconds: how often replicas tell each other what they decided; 0 for never.
        seed: of chance.
    """
    clock, random = Clock(), Random(seed)
    served: list[Served] = []
    pool = [Server(clock, BLOCKS, served.append) for _ in range(servers)]
    config = LEAST_QUEUE if policy == "least queue" else ""
    epps = [Replica(clock, pool, config, seed + n) for n in range(replicas)]
    turns = cycle(range(servers))
    news: list[tuple[int, Request, int]] = []
    left = len(arrivals)

    def arrive(arrival: Arrival) -> None:
        nonlocal left
        left -= 1
        if policy == "round robin":
            pool[next(turns)].serve(arrival, lambda: None)
            return
        prompt = TokenPrompt((arrival.tokens,))
        request = Request("", {}, "m", "m", prompt, size=4 * len(arrival.tokens))
        number = arrival.session % replicas if by_session else random.randrange(replicas)
        index, ended = epps[number].route(request, lambda *_: None)
        if sync_seconds and replicas > 1:
            news.append((number, request, index))
        pool[index].serve(arrival, ended)

    def scrape() -> None:
        for epp in epps:
            epp.scrape()
        if left:
            clock.after(SCRAPE_SECONDS, scrape)

    def sync() -> None:
        for number, request, index in news:
            for other, epp in enumerate(epps):
                if other != number:
                    epp.learn(request, index)
        news.clear()
        if left:
            clock.after(sync_seconds, sync)

    scrape()
    if sync_seconds:
        sync()
    for arrival in arrivals:
        clock.after(arrival.at, lambda arrival=arrival: arrive(arrival))
    clock.run()
    return served


def hit_rate(served: Sequence[Served]) -> float:
    """Return the share of prompt tokens that were found in a cache."""
    return sum(s.cached for s in served) / sum(s.prompt for s in served)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="prove that it runs, roughly")
    parser.add_argument("--replicas", action="store_true", help="compare numbers of replicas")
    parser.add_argument("--servers", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    seconds = 10.0 if given.quick else 120.0
    for name, (workload, relative) in WORKLOADS.items():
        rate = RATE_PER_SERVER * given.servers * relative
        arrivals = list(workload(Random(given.seed), rate, seconds))
        print(f"\n{name}: {len(arrivals)} requests in {seconds:.0f} s, {given.servers} servers")
        print(f"{'':34}  cached   TTFT mean     p50     p95  (ms)")
        for label, options in _rows(is_replicas=given.replicas):
            policy = options.pop("policy", "EPP, default")
            _print(label, simulate(arrivals, given.servers, policy, seed=given.seed, **options))


def _rows(*, is_replicas: bool) -> list[tuple[str, dict]]:
    if not is_replicas:
        return [(policy, {"policy": policy}) for policy in POLICIES]
    rows: list[tuple[str, dict]] = [("1 replica", {})]
    for replicas in (2, 4, 8):
        rows += [
            (f"{replicas} replicas, nothing shared", {"replicas": replicas}),
            (f"{replicas} replicas, by session", {"replicas": replicas, "by_session": True}),
            (f"{replicas} replicas, told after 1 s", {"replicas": replicas, "sync_seconds": 1.0}),
        ]
    return rows


def _print(label: str, served: Sequence[Served]) -> None:
    times = [s.ttft * 1000 for s in served]
    cuts = quantiles(times, n=20)
    print(
        f"{label:34}  {hit_rate(served):5.1%}  {fmean(times):9.0f}  {cuts[9]:6.0f}  {cuts[18]:6.0f}"
    )


if __name__ == "__main__":
    main()
