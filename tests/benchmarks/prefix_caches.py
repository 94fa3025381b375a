"""Measures what the approximate prefix cache costs a request.

    python tests/benchmarks/prefix_caches.py [--against FOLDER] [--quick]

Scoring, dispatch and completion of prefix-cache-scorer alone, in this process, among 20 endpoints
and among 1000. With --against, the same of another checkout, by turns with this one: ratios count,
for the machine is never quite the same from one minute to the next.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from random import Random

SIZES = (288, 4_000, 400_000)
_GROUPS = 32


def microseconds(endpoints: int, prompt_bytes: int, requests: int) -> float:
    """Return the median of what one request costs."""
    from epp.api.discovery import EndpointSpec  # noqa: PLC0415
    from epp.api.endpoint import Endpoint, Metrics  # noqa: PLC0415 - of the checkout measured
    from epp.api.plugin import Outcome  # noqa: PLC0415
    from epp.api.request import Decision, Request  # noqa: PLC0415
    from epp.config.loader import load  # noqa: PLC0415
    from epp.datalayer.pool import Pool  # noqa: PLC0415
    from epp.parsing.prompt import TextPrompt  # noqa: PLC0415
    from epp.plugins.scorers.prefix_cache import PrefixCacheScorer  # noqa: PLC0415

    random = Random(1)
    pool = Pool()
    pool.replace(
        EndpointSpec(f"pod-{n}", "default", f"10.0.{n // 250}.{n % 250}", 8000)
        for n in range(endpoints)
    )
    members: list[Endpoint] = [candidate.endpoint for candidate in pool.snapshot()]
    for endpoint in members:
        pool.scrape_started(endpoint)
        metrics = Metrics(block_size=16, num_blocks=30_000, updated_at=time.monotonic())
        pool.scraped(endpoint, metrics)
    (scorer,) = (
        instance.plugin
        for instance in load("").instances
        if isinstance(instance.plugin, PrefixCacheScorer)
    )
    completed = getattr(scorer, "completed", None)
    groups = [
        f"{n:04d} the critic walks by the bay " * (prompt_bytes // 90) for n in range(_GROUPS)
    ]
    rest = "notes on light and bread " * (prompt_bytes // 25 + 1)
    outcome, times = Outcome(200), []
    for number in range(requests):
        text = f"{random.choice(groups)}{number:08d}{rest}"[:prompt_bytes]
        request = Request(str(number), {}, "m", "m", TextPrompt((text,)), size=len(text))
        decision = Decision((random.choice(members),))
        candidates = pool.snapshot()
        started = time.perf_counter()
        scorer.score(request, candidates)
        scorer.dispatched(request, decision, candidates)
        if completed is not None:
            completed(request, decision, outcome)
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2] * 1e6


def _figures(checkout: Path, requests: int) -> list[float]:
    """Measure in a process of its own, with that checkout's code."""
    program = Path(__file__).resolve()
    done = subprocess.run(
        [sys.executable, program, "--measure", str(requests)],
        env={"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--quick", action="store_true", help="prove that it runs, roughly")
    parser.add_argument("--measure", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = [(endpoints, size) for endpoints in (20, 1000) for size in SIZES]
    if options.measure:
        print(*(microseconds(endpoints, size, options.measure) for endpoints, size in cases))
        return
    own = Path(__file__).resolve().parents[2]
    requests, rounds = (100, 1) if options.quick else (3000, 5)
    sides = [own, *([options.against] if options.against else [])]
    runs: dict[Path, list[list[float]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            runs[side].append(_figures(side, requests))
    best = [[min(column) for column in zip(*runs[side], strict=True)] for side in sides]
    print("microseconds a request" + (", here and there" if options.against else ""))
    for number, (endpoints, size) in enumerate(cases):
        figures = "  ".join(f"{side[number]:8.1f}" for side in best)
        print(f"  {endpoints:4} endpoints  {size:7} bytes  {figures}")


if __name__ == "__main__":
    main()
