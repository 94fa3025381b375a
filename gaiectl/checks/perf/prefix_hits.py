"""How much of the prompts was found in prefix caches: counters of metrics, before and after."""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gaiectl.checks.check import Failed, Skipped
from gaiectl.checks.gateway import Gateway
from gaiectl.checks.perf.tally import Hits
from gaiectl.checks.session import Session

# vLLM's counters of tokens; before 0.9 with gpu_ in the name.
_SERVER = re.compile(
    r"^vllm:(?:gpu_)?prefix_cache_(hits|queries)_total(?:\{[^\n]*\})? ([^ \n]+)", re.MULTILINE
)
# GAIE's histogram: the part of each prompt that the picker expects to be cached where it sends it.
_PICKER = re.compile(
    r"^inference_extension_prefix_indexer_hit_ratio_(sum|count)(?:\{[^\n]*\})? ([^ \n]+)",
    re.MULTILINE,
)

Counters = tuple[float, float]
Witness = Callable[[], Awaitable[str]]


def of_server(text: str) -> Counters | None:
    """Return tokens found and asked for, from a model server's metrics; None if it does not say."""
    return _summed(_SERVER, text, "hits", "queries")


def of_picker(text: str) -> Counters | None:
    """Return the sum of ratios and the count of prompts; None if it does not say."""
    return _summed(_PICKER, text, "sum", "count")


def between(before: Sequence[Counters | None], after: Sequence[Counters | None]) -> Hits:
    """Return what happened between two readings of the same witnesses.

    Who could not be read twice, or began to count anew, is left out.
    """
    hits, asked, heard = 0.0, 0.0, 0
    for old, new in zip(before, after, strict=True):
        if old and new and new[0] >= old[0] and new[1] >= old[1]:
            hits, asked, heard = hits + new[0] - old[0], asked + new[1] - old[1], heard + 1
    part = min(hits / asked, 1.0) if asked > 0 else None
    return Hits(part, heard, len(before))


@dataclass(frozen=True, slots=True)
class Readings:
    """Counters of everybody at one time; None for who did not tell."""

    servers: list[Counters | None] = field(default_factory=list)
    picker: list[Counters | None] = field(default_factory=list)


class Witnesses:
    """Who can tell of prefix hits.

    Args:
        session: the gateway and what stands behind it.
        servers: the metrics of model servers by name, where they are not at the endpoint's URL.
    """

    def __init__(self, session: Session, servers: Mapping[str, Witness]) -> None:
        endpoints = session.target.endpoints
        self._servers = [
            servers.get(one.name) or (_at(session.gateway, one.url) if one.url else _nobody)
            for one in endpoints
        ]
        self._picker = session.metrics

    async def read(self) -> Readings:
        """Ask all of them at once."""
        *servers, picker = await asyncio.gather(
            *(_told(one, of_server) for one in self._servers), _told(self._picker, of_picker)
        )
        return Readings(servers, [picker])


def _at(gateway: Gateway, url: str) -> Witness:
    async def read() -> str:
        return (await gateway.get("/metrics", root=url)).require().text

    return read


async def _nobody() -> str:
    raise Skipped("it cannot be asked directly")


async def _told(witness: Witness, counters: Callable[[str], Counters | None]) -> Counters | None:
    try:
        return counters(await witness())
    except (Failed, Skipped):
        return None


def _summed(samples: re.Pattern[str], text: str, *names: str) -> Counters | None:
    sums: dict[str, float] = {}
    for name, value in samples.findall(text):
        try:
            number = float(value)
        except ValueError:
            continue
        if math.isfinite(number):
            sums[name] = sums.get(name, 0.0) + number
    if not all(name in sums for name in names):
        return None
    return sums[names[0]], sums[names[1]]
