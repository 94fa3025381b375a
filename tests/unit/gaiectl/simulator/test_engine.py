"""Time, counts and fairness of the engine, on a clock that only it moves."""

import asyncio
import random
from dataclasses import replace

import pytest

from gaiectl.simulator import metric_names as names
from gaiectl.simulator.engine import Engine, Job, Ticket
from gaiectl.simulator.settings import KvCache, Latencies, Lora, Queue, Settings
from gaiectl.simulator.slots import QueueFull


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def engine_with(clock: Clock, settings: Settings) -> Engine:
    return Engine(settings, rng=random.Random(1), clock=clock, sleep=clock.sleep)


def job(prompt: int = 100, answer: int = 10, **more: object) -> Job:
    return Job(prompt=range(prompt), answer=range(answer), finish_reason="stop", **more)  # type: ignore[arg-type]


async def run(engine: Engine, work: Job) -> int:
    [ticket] = engine.enter([work])
    try:
        return sum([due async for due in engine.generate(ticket)])
    finally:
        engine.leave(ticket)


def timed(**latencies: float | str) -> Settings:
    return Settings(latencies=Latencies(**latencies))  # type: ignore[arg-type]


async def test_a_request_takes_its_first_token_and_a_gap_for_each_other() -> None:
    clock = Clock()
    engine = engine_with(clock, timed(time_to_first_token=0.5, inter_token_latency=0.02))

    assert await run(engine, job(answer=11)) == 11
    assert clock.now - 100 == pytest.approx(0.5 + 10 * 0.02, abs=0.001)


async def test_gaps_of_microseconds_are_not_lost() -> None:
    clock = Clock()
    engine = engine_with(clock, timed(inter_token_latency=0.0003))

    await run(engine, job(answer=1001))
    assert clock.now - 100 == pytest.approx(0.3, abs=0.001)
    assert engine.metrics.histograms[names.ITL].count == 1000
    assert engine.metrics.histograms[names.ITL].total == pytest.approx(0.3, abs=0.001)


async def test_cached_tokens_shorten_the_prefill() -> None:
    clock = Clock()
    engine = engine_with(clock, timed(prefill_overhead=0.1, prefill_time_per_token=0.001))

    await run(engine, job(prompt=100, answer=1))
    first = clock.now
    await run(engine, job(prompt=100, answer=1))

    assert first - 100 == pytest.approx(0.1 + 0.100, abs=0.001)
    assert clock.now - first == pytest.approx(0.1 + 0.004, abs=0.001)


async def test_a_constant_prefill_ignores_length_and_cache() -> None:
    clock = Clock()
    settings = timed(
        latency_calculator="constant", time_to_first_token=0.2, prefill_time_per_token=1.0
    )
    await run(engine_with(clock, settings), job(prompt=500, answer=1))

    assert clock.now - 100 == pytest.approx(0.2, abs=0.001)


async def test_remote_prefill_is_a_transfer_of_the_whole_prompt() -> None:
    clock = Clock()
    settings = timed(time_to_first_token=9.0, kv_cache_transfer_time_per_token=0.002)
    await run(engine_with(clock, settings), job(prompt=100, answer=1, remote_prefill=True))

    assert clock.now - 100 == pytest.approx(0.2, abs=0.001)


async def test_load_slows_down_in_proportion() -> None:
    clock = Clock()
    latencies = Latencies(time_to_first_token=1.0, time_factor_under_load=3.0)
    engine = engine_with(clock, Settings(latencies=latencies, queue=Queue(max_num_seqs=5)))
    others = engine.enter([job() for _ in range(2)])

    await run(engine, job(answer=1))
    assert clock.now - 100 == pytest.approx(1 + 2 * 2 / 4, abs=0.001)
    for ticket in others:
        engine.leave(ticket)


async def test_the_gauges_show_what_runs_waits_and_fills_the_cache() -> None:
    clock = Clock()
    settings = Settings(
        queue=Queue(max_num_seqs=1), kv_cache=KvCache(kv_cache_size=100, block_size=10)
    )
    engine = engine_with(clock, settings)
    first, second = engine.enter([job(prompt=95), job()])
    steps = engine.generate(first)
    await anext(steps)

    load = engine.load()
    assert (load.running, load.waiting, load.kv_usage) == (1, 1, 0.10)
    await steps.aclose()
    engine.leave(first)
    engine.leave(second)
    assert (engine.load().running, engine.load().waiting, engine.load().kv_usage) == (0, 0, 0)


async def test_a_waiting_request_runs_when_another_is_done() -> None:
    clock = Clock()
    settings = replace(timed(time_to_first_token=1.0), queue=Queue(max_num_seqs=1))
    engine = engine_with(clock, settings)

    async def one(ticket: Ticket) -> int:
        try:
            return sum([due async for due in engine.generate(ticket)])
        finally:
            engine.leave(ticket)

    tickets = engine.enter([job(answer=1) for _ in range(3)])
    assert await asyncio.gather(*map(one, tickets)) == [1, 1, 1]
    assert clock.now - 100 == pytest.approx(3.0, abs=0.001)
    assert engine.metrics.histograms[names.QUEUE_TIME].total == pytest.approx(1 + 2, abs=0.001)


async def test_all_jobs_of_a_request_enter_or_none_does() -> None:
    engine = engine_with(Clock(), Settings(queue=Queue(max_num_seqs=1, max_waiting_queue_length=1)))

    with pytest.raises(QueueFull):
        engine.enter([job(), job(), job()])
    assert engine.busy == 0


async def test_a_cancelled_request_frees_its_place() -> None:
    clock = Clock()
    engine = engine_with(clock, Settings(queue=Queue(max_num_seqs=1)))
    [blocking] = engine.enter([job()])
    waiting = asyncio.create_task(run(engine, job()))
    await asyncio.sleep(0)
    assert engine.load().waiting == 1

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    engine.leave(blocking)
    assert engine.busy == 0


async def test_too_few_cached_tokens_end_a_request_at_once() -> None:
    clock = Clock()
    engine = engine_with(clock, timed(time_to_first_token=5.0))
    work = job(threshold=0.5)

    assert await run(engine, work) == 0
    assert work.below_threshold
    assert clock.now == 100
    assert engine.metrics.success["cache_threshold"] == 1


async def test_running_and_waiting_adapters_are_shown_newest_last() -> None:
    settings = Settings(lora=Lora(max_loras=1))
    engine = engine_with(Clock(), settings)
    first, second = engine.enter([job(adapter="a"), job(adapter="b")])
    assert engine.lora_info.series()[-1][:2] == ("a", "b")

    engine.leave(first)
    assert engine.lora_info.series()[-1][:2] == ("b", "")
    engine.leave(second)
    series = engine.lora_info.series()
    assert series[-1][:2] == ("", "")
    assert series[-1][2] == max(at for _, _, at in series)


async def test_told_metrics_leave_real_traffic_uncounted() -> None:
    engine = engine_with(Clock(), Settings())
    engine.counting = False
    await run(engine, job())

    assert set(engine.metrics.counters.values()) == {0}
    assert all(histogram.count == 0 for histogram in engine.metrics.histograms.values())


@pytest.mark.parametrize("spread", [0.0, 0.3])
async def test_times_stay_within_seventy_percent_of_their_mean(spread: float) -> None:
    settings = timed(time_to_first_token=1.0, time_to_first_token_std_dev=spread)
    times = []
    for _ in range(50):
        clock = Clock()
        engine = Engine(settings, rng=random.Random(), clock=clock, sleep=clock.sleep)
        await run(engine, job(answer=1))
        times.append(clock.now - 100)

    assert all(0.3 - 0.001 <= time <= 1.7 + 0.001 for time in times)
    assert (len({round(time, 6) for time in times}) > 1) == bool(spread)
