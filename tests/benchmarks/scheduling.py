"""Times scheduling decisions in this process: the scheduler over a pool, without the transport."""

import time
from random import Random

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Endpoint, Metrics
from epp.api.plugin import Outcome
from epp.api.request import Request
from epp.config.loader import load
from epp.datalayer.pool import Pool
from epp.parsing.prompt import TextPrompt
from epp.scheduling.scheduler import Scheduler

_OPEN = 256
_SCRAPES_PER_DECISION = 20
_WARM_UP = 50


def decision_seconds(
    endpoints: int,
    prompt_bytes: int,
    decisions: int,
    seed: int,
    *,
    scrapes: int = _SCRAPES_PER_DECISION,
) -> list[float]:
    """Return the CPU seconds of this thread that each decision took.

    CPU seconds, so that other work of the machine does not count. A decision is what a request
    waits for: a fresh snapshot of the pool, queue, KV-cache and prefix scorers, the pick and the
    accounts. Between two of them some endpoints report new load, and requests end.

    Args:
        endpoints: in the pool.
        prompt_bytes: length of each prompt; the first third is shared among 32 groups.
        decisions: how many are timed, after a warm-up.
        seed: of the prompts and the load.
        scrapes: endpoints that report new load between two decisions.
    """
    random = Random(seed)
    pool = Pool()
    # Slots are not public: endpoints are taken from the snapshot.
    pool.replace(
        EndpointSpec(f"pod-{n}", "default", f"10.0.{n // 250}.{n % 250}", 8000)
        for n in range(endpoints)
    )
    members = [candidate.endpoint for candidate in pool.snapshot()]
    for endpoint in members:
        _report(pool, endpoint, random)
    config = load("")
    scheduler = Scheduler(config.profiles, config.handler, config.instances)
    groups = [f"{n:04d} the critic walks by the bay " * (prompt_bytes // 90) for n in range(32)]
    rest = "notes on light and bread " * (prompt_bytes // 25)
    open_requests = []
    times = []
    for number in range(_WARM_UP + decisions):
        for endpoint in random.sample(members, scrapes):
            _report(pool, endpoint, random)
        text = f"{random.choice(groups)}{number:08d}{rest}"[:prompt_bytes]
        request = Request(
            str(number), {}, "food-review", "food-review", TextPrompt((text,)), size=len(text)
        )
        start = time.thread_time()
        candidates = pool.snapshot()
        decision = scheduler.schedule(request, candidates)
        scheduler.dispatched(request, decision, candidates)
        pool.dispatched(decision.primary)
        times.append(time.thread_time() - start)
        open_requests.append((request, decision))
        if len(open_requests) > _OPEN:
            ended, taken = open_requests.pop(0)
            pool.completed(taken.primary)
            scheduler.completed(ended, taken, Outcome(200))
    return times[_WARM_UP:]


def _report(pool: Pool, endpoint: Endpoint, random: Random) -> None:
    running = random.randrange(30)
    metrics = Metrics(
        waiting=random.randrange(10),
        running=running,
        kv_usage=running / 32,
        block_size=16,
        num_blocks=30_000,
        updated_at=time.monotonic(),
    )
    pool.scrape_started(endpoint)
    pool.scraped(endpoint, metrics)
