"""Distinct prompts under load use every endpoint, none far more than the others."""

import math
from collections import Counter

from gaiectl.checks import prompts
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.load import at_once
from gaiectl.checks.session import Session

_TOKENS = 8
_AT_ONCE = 8


def requests_for(endpoints: int) -> int:
    """Return how many requests it takes to judge this many endpoints."""
    return endpoints * (64 if endpoints <= 8 else 32)


def largest_share(requests: int, endpoints: int) -> int:
    """Return the most requests that one endpoint may get.

    Twice its even part, and never more than half way from there to everything. That is 5.6 standard
    deviations of picking by chance for two endpoints and more for others, and load-aware picking
    varies less; seven deviations are allowed where that is more.
    """
    even = 1 / endpoints
    sensible = requests * min(2 * even, (1 + even) / 2)
    chance = requests * even + 7 * math.sqrt(requests * even * (1 - even))
    return math.floor(max(sensible, chance if endpoints > 2 else 0.0))


async def _run(session: Session) -> str:
    endpoints = session.several_endpoints()
    total = requests_for(endpoints)
    served: Counter[str] = Counter()

    async def ask(prompt: str) -> None:
        answer = await session.gateway.complete(prompt, max_tokens=_TOKENS)
        served[answer.require().endpoint] += 1

    await at_once((prompts.fresh() for _ in range(total)), ask, workers=_AT_ONCE * endpoints)
    if "" in served:
        raise Skipped("the answers do not say which endpoint they come from (x-inference-pod)")
    shares = ", ".join(f"{name} {count}" for name, count in sorted(served.items()))
    if len(served) < endpoints:
        raise Failed(f"{len(served)} of {endpoints} endpoints got all {total} requests: {shares}")
    most, limit = max(served.values()), largest_share(total, endpoints)
    if most > limit:
        raise Failed(f"one endpoint got {most} of {total} requests, at most {limit} are sensible: "
                     f"{shares}")  # fmt: skip
    return f"{total} requests, {_AT_ONCE * endpoints} at a time: {shares}"


CHECK = Check(
    id="spread",
    category=Category.ROUTING,
    title="load is spread over all endpoints",
    proves="no endpoint is idle or drowned while many different prompts are served",
    hint="see what the endpoints report: {status}; an endpoint whose metrics "
    "cannot be read or never change is chosen badly: {epp log}",
    run=_run,
    needs=("completion",),
)
