"""The six cases: what is started, what is asked of it, which figures come out."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import load
import uvloop
from figures import Figure, Target
from parts import Epp, Gateway, Parts, StandIns, Way
from procfs import cpu_seconds, memory
from profiling import Profiler
from scheduling import decision_seconds
from stand_ins import MODEL, Shape

from gaiectl.local import asking

_MIB = 1024 * 1024
_SHORT_TOKENS = 72
_LONG_TOKENS = 100_000
_INSTANT = Shape(events=0, interval_seconds=0.005, is_held=False)
_THROUGH_EPP = (Way.BUFFERED, Way.DUPLEX)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done.

    Attributes:
        repeat: runs of each measurement.
        seconds: of one measurement with completions.
        idle_seconds: of one measurement without load.
        events: of one streamed answer.
        streams: streamed answers of one measurement.
        endpoints: of the large pool that is scraped.
        held: streams held open.
        held_long: streams with long prompts held open.
        decisions: timed scheduling decisions of one run.
    """

    repeat: int
    seconds: float
    idle_seconds: float
    events: int
    streams: int
    endpoints: int
    held: int
    held_long: int
    decisions: int


FULL = Scale(
    repeat=3,
    seconds=5,
    idle_seconds=10,
    events=1000,
    streams=64,
    endpoints=100,
    held=5000,
    held_long=200,
    decisions=3000,
)
QUICK = Scale(
    repeat=1,
    seconds=1,
    idle_seconds=1,
    events=50,
    streams=8,
    endpoints=20,
    held=64,
    held_long=4,
    decisions=100,
)


def measure(numbers: Iterable[int], scale: Scale, profiler: Profiler | None = None) -> list[Figure]:
    """Run the cases with these numbers and return their figures, in order of the cases.

    Raises:
        GaieError: a part did not start, a tool is missing or a request failed.
    """
    wanted = set(numbers)
    figures: list[Figure] = []
    if wanted & {1, 4}:
        figures += [f for f in _completions(scale, profiler) if f.case in wanted]
    for number, case in ((2, _streams), (3, _idle), (5, _scheduling), (6, _memory)):
        if number in wanted:
            figures += case(scale, profiler)
    return sorted(figures, key=lambda figure: figure.case)


def _completions(scale: Scale, profiler: Profiler | None) -> list[Figure]:
    """Return the figures of cases 1 and 4, taken in turns so that they share the conditions."""
    epp_us: dict[Way, list[float]] = {way: [] for way in Way}
    envoy_us: dict[Way, list[float]] = {way: [] for way in Way}
    rates: dict[Way, list[float]] = {way: [] for way in Way}
    with Parts() as parts:
        epp, gateways = _stack(parts, _INSTANT, tuple(Way))
        for gateway in gateways.values():
            load.completions(gateway, 1)
        for _ in range(scale.repeat):
            for way, gateway in gateways.items():
                seen, (of_epp, of_envoy) = _spent(
                    (epp.pid, gateway.pid),
                    partial(load.completions, gateway, scale.seconds),
                )
                epp_us[way].append(of_epp / seen.requests * 1e6)
                envoy_us[way].append(of_envoy / seen.requests * 1e6)
                rates[way].append(seen.per_second)
        if profiler:
            for way in _THROUGH_EPP:
                profiler.watch(
                    f"completions, {way}",
                    epp.pid,
                    partial(load.completions, gateways[way], scale.seconds),
                )
    limits = {Way.BUFFERED: Target(60), Way.DUPLEX: Target(90)}
    figures = []
    for way in _THROUGH_EPP:
        shares = _ratios(epp_us[way], envoy_us[way])
        figures += [
            Figure(1, f"epp_us_{way}", f"EPP CPU, {way}", "us", tuple(epp_us[way]), limits[way]),
            Figure(1, f"envoy_us_{way}", f"Envoy CPU, {way}", "us", tuple(envoy_us[way])),
            Figure(1, f"epp_per_envoy_{way}", f"EPP / Envoy, {way}", "", shares, Target(0.35)),
        ]
    direct = tuple(envoy_us[Way.DIRECT])
    figures.append(Figure(1, "envoy_us_direct", "Envoy CPU, without the EPP", "us", direct))
    for way in Way:
        figures.append(Figure(4, f"rate_{way}", f"throughput, {way}", "/s", tuple(rates[way])))
        if way is not Way.DIRECT:
            shares = _ratios(rates[way], rates[Way.DIRECT])
            aim = Target(0.35, is_upper=False)
            figures.append(Figure(4, f"rate_share_{way}", f"{way} / direct", "", shares, aim))
    return figures


def _streams(scale: Scale, profiler: Profiler | None) -> list[Figure]:
    shape = Shape(scale.events, interval_seconds=0.005, is_held=False)
    limits = {Way.BUFFERED: Target(4), Way.DUPLEX: Target(20)}
    figures = []
    with Parts() as parts:
        epp, gateways = _stack(parts, shape, _THROUGH_EPP)
        for way, gateway in gateways.items():
            epp_ms, envoy_ms, reads = [], [], []
            for _ in range(scale.repeat):
                seen, (of_epp, of_envoy) = _spent(
                    (epp.pid, gateway.pid),
                    partial(load.streams, gateway, scale.streams, _LONG_TOKENS),
                )
                epp_ms.append(of_epp / seen.requests * 1e3)
                envoy_ms.append(of_envoy / seen.requests * 1e3)
                reads.append(seen.reads_per_request)
            if profiler:
                profiler.watch(
                    f"long prompts and streams, {way}",
                    epp.pid,
                    partial(load.streams, gateway, scale.streams, _LONG_TOKENS),
                )
            figures += [
                Figure(2, f"epp_ms_{way}", f"EPP CPU, {way}", "ms", tuple(epp_ms), limits[way]),
                Figure(2, f"envoy_ms_{way}", f"Envoy CPU, {way}", "ms", tuple(envoy_ms)),
                Figure(2, f"reads_{way}", f"arrivals at the client, {way}", "", tuple(reads)),
            ]
        peak = memory(epp.pid).peak / _MIB
        figures.append(Figure(2, "epp_peak_mib", "EPP memory, peak", "MiB", (peak,)))
    return figures


def _idle(scale: Scale, profiler: Profiler | None) -> list[Figure]:
    with Parts() as parts:
        model_servers = parts.stand_ins(scale.endpoints, _INSTANT)
        epp = parts.epp(model_servers)
        gateway = parts.gateway(Way.BUFFERED, model_servers, epp)
        # Readiness was asked for with a request, after which the EPP scrapes at its full rate.
        time.sleep(scale.idle_seconds)
        ways: dict[str, Callable[[], None]] = {
            "idle": partial(time.sleep, scale.idle_seconds),
            "busy": partial(_trickle, gateway, scale.idle_seconds),
        }
        figures = []
        for name, wait in ways.items():
            cores, scrapes = [], []
            for _ in range(scale.repeat):
                before, start = model_servers.counters()["scrapes"], time.monotonic()
                _, (seconds,) = _spent((epp.pid,), wait)
                passed = time.monotonic() - start
                cores.append(seconds / passed)
                scrapes.append((model_servers.counters()["scrapes"] - before) / passed)
            if profiler:
                profiler.watch(f"{scale.endpoints} endpoints, {name}", epp.pid, wait)
            what = "without requests" if name == "idle" else "10 requests/s"
            aim = Target(0.15) if name == "idle" else None
            figures += [
                Figure(3, f"cores_{name}", f"EPP, {what}", "cores", tuple(cores), aim),
                Figure(3, f"scrapes_{name}", f"scrapes, {what}", "/s", tuple(scrapes)),
            ]
    return figures


def _scheduling(scale: Scale, profiler: Profiler | None) -> list[Figure]:
    del profiler
    figures = []
    for tokens, name in ((_SHORT_TOKENS, "72"), (_LONG_TOKENS, "100k")):
        middles, tails = [], []
        for run in range(scale.repeat):
            times = decision_seconds(1000, tokens * load.BYTES_PER_TOKEN, scale.decisions, run)
            times.sort()
            middles.append(times[len(times) // 2] * 1e3)
            tails.append(times[len(times) * 99 // 100] * 1e3)
        title = f"{name}-token prompts"
        figures += [
            Figure(5, f"p50_ms_{name}", f"p50, {title}", "ms", tuple(middles)),
            Figure(5, f"p99_ms_{name}", f"p99, {title}", "ms", tuple(tails), Target(2)),
        ]
    return figures


def _memory(scale: Scale, profiler: Profiler | None) -> list[Figure]:
    del profiler
    shape = Shape(scale.events, interval_seconds=0.005, is_held=True)
    figures = []
    with Parts() as parts:
        model_servers = parts.stand_ins(4, shape)
        for way in _THROUGH_EPP:
            epp = parts.epp(model_servers)
            gateway = parts.gateway(way, model_servers, epp)
            if way is Way.BUFFERED:
                time.sleep(scale.idle_seconds / 5)
                idle = memory(epp.pid)
                figures += [
                    _mib("idle", "idle", idle.resident, Target(60)),
                    _mib("idle_proportional", "idle, shared pages shared", idle.proportional),
                ]
            for count, tokens, name in (
                (scale.held, _SHORT_TOKENS, "72"),
                (scale.held_long, _LONG_TOKENS, "100k"),
            ):
                resident = uvloop.run(_while_held(gateway, count, tokens, epp))
                _wait_until_closed(model_servers)
                title = f"{count} streams, {name} tokens, {way}"
                figures.append(_mib(f"held_{name}_{way}", title, resident))
            ended = memory(epp.pid).resident
            figures.append(_mib(f"ended_{way}", f"after they ended, {way}", ended))
    return figures


def _mib(key: str, title: str, value: int, target: Target | None = None) -> Figure:
    return Figure(6, f"{key}_mib", title, "MiB", (value / _MIB,), target)


async def _while_held(gateway: Gateway, count: int, tokens: int, epp: Epp) -> int:
    """Return the EPP's resident bytes while streams are open."""
    async with load.held(gateway, count, tokens):
        await asyncio.sleep(0.5)
        return memory(epp.pid).resident


def _wait_until_closed(model_servers: StandIns) -> None:
    deadline = time.monotonic() + 60
    while model_servers.counters()["open"] and time.monotonic() < deadline:
        time.sleep(0.05)


def _stack(parts: Parts, shape: Shape, ways: Iterable[Way]) -> tuple[Epp, dict[Way, Gateway]]:
    model_servers = parts.stand_ins(4, shape)
    epp = parts.epp(model_servers)
    return epp, {way: parts.gateway(way, model_servers, epp) for way in ways}


def _spent(pids: tuple[int, ...], work: Callable[[], _T]) -> tuple[_T, list[float]]:
    """Return what the work returned, and the CPU seconds that each process spent meanwhile."""
    before = [cpu_seconds(pid) for pid in pids]
    result = work()
    return result, [cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]


def _trickle(gateway: Gateway, seconds: float) -> None:
    """Send some ten completions a second: enough for the EPP to scrape at its full rate."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        asking.post(f"{gateway.url}/v1/completions", {"model": MODEL, "prompt": "the bay"})
        time.sleep(0.08)


def _ratios(above: list[float], below: list[float]) -> tuple[float, ...]:
    return tuple(a / b for a, b in zip(above, below, strict=True))
