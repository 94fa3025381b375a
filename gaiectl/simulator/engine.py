"""One engine: requests enter, wait, are prefilled and answered token by token.

Time is absolute: each token has a moment when it is due, so that rounding never adds up. Event
loops sleep in whole milliseconds; tokens due within half a millisecond go out together, which
keeps gaps of microseconds right on average without spinning.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from gaiectl.simulator import latency
from gaiectl.simulator import metric_names as names
from gaiectl.simulator.kv_cache import Lease, PrefixCache
from gaiectl.simulator.kv_events import KvEventLog
from gaiectl.simulator.metrics import EngineMetrics, Load, LoraInfo
from gaiectl.simulator.settings import Latencies, Settings
from gaiectl.simulator.slots import Place, QueueFull, Slots

_RESOLUTION = 0.0005
_BATCH = 128


@dataclass(slots=True)
class Job:
    """One sequence to generate.

    Attributes:
        prompt: token ids.
        answer: token ids, decided in advance; one at least.
        finish_reason: what the metrics count it as.
        adapter: LoRA adapter, empty for the base model.
        max_tokens: as asked for; None if it was not.
        remote_prefill: the prompt's KV cache is fetched, not computed.
        threshold: least share of the prompt that must be cached, else the answer is empty.
        cached_tokens: set when the job starts.
        below_threshold: set when the job starts: the answer is empty.
    """

    prompt: Sequence[int]
    answer: Sequence[int]
    finish_reason: str
    adapter: str = ""
    max_tokens: int | None = None
    remote_prefill: bool = False
    threshold: float = 0.0
    cached_tokens: int = 0
    below_threshold: bool = False


@dataclass(slots=True, eq=False)
class Ticket:
    """A job that has entered: its place, its cache blocks and when it passed each stage.

    Times are seconds of the engine's clock; ``sent`` counts the tokens that were due so far.
    """

    job: Job
    place: Place
    arrived: float
    start: "asyncio.Future[None] | None" = None
    lease: Lease | None = None
    started: float = 0.0
    first: float = 0.0
    last: float = 0.0
    sent: int = 0


class Engine:
    """Queue, places, cache, clock and metrics of one rank.

    ``counting`` is false while told metrics are shown: then real traffic counts nothing.

    Args:
        settings: sizes and latencies; ``latencies`` may be replaced at any time.
        rng: draws durations.
        clock: monotonic seconds.
        sleep: waits so many seconds.
        rank: data-parallel rank, the label ``engine``.
        events: notes what happens in the cache, if anybody wants to know.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        rng: random.Random,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rank: int = 0,
        events: KvEventLog | None = None,
    ) -> None:
        self.latencies: Latencies = settings.latencies
        self.metrics = EngineMetrics(settings, rank=rank)
        self.lora_info = LoraInfo()
        self.cache = PrefixCache(
            size=settings.kv_cache.kv_cache_size,
            block_size=settings.kv_cache.block_size,
            seed=settings.kv_cache.hash_seed,
            events=events,
        )
        self.counting = True
        self._slots = Slots(
            max_running=settings.queue.max_num_seqs,
            max_waiting=settings.queue.max_waiting_queue_length,
            max_loras=settings.lora.max_loras,
        )
        self._waiting: dict[Place, asyncio.Future[None]] = {}
        self._rng = rng
        self._clock = clock
        self._sleep = sleep

    @property
    def busy(self) -> int:
        """Requests that run or wait."""
        return self._slots.running + self._slots.waiting

    def load(self) -> Load:
        """Return what the gauges show."""
        return Load(
            running=self._slots.running, waiting=self._slots.waiting, kv_usage=self.cache.usage
        )

    def enter(self, jobs: Sequence[Job]) -> list[Ticket]:
        """Let the jobs of one request run or wait; each ticket must be left again.

        Raises:
            QueueFull: there is not room for all of them; none has entered.
        """
        tickets: list[Ticket] = []
        try:
            for job in jobs:
                ticket = Ticket(job, Place(job.adapter), self._clock())
                if not self._slots.enter(ticket.place):
                    ticket.start = asyncio.get_running_loop().create_future()
                    self._waiting[ticket.place] = ticket.start
                tickets.append(ticket)
        except QueueFull:
            for ticket in tickets:
                self.leave(ticket)
            raise
        self._adapters_changed()
        return tickets

    def leave(self, ticket: Ticket) -> None:
        """Give place and blocks back, wherever the job stands."""
        if ticket.lease is not None:
            self.cache.release(ticket.lease, ticket.job.answer[: ticket.sent])
        self._waiting.pop(ticket.place, None)
        for place in self._slots.leave(ticket.place):
            future = self._waiting.pop(place, None)
            if future is not None and not future.done():
                future.set_result(None)
        self._adapters_changed()

    async def generate(self, ticket: Ticket) -> AsyncGenerator[int, None]:
        """Yield how many further tokens are due, again and again until all are out.

        Nothing is yielded when too little of the prompt is cached (``job.below_threshold``).
        """
        job = ticket.job
        if ticket.start is not None:
            await ticket.start
        ticket.started = self._clock()
        self._look_up(ticket)
        if job.below_threshold:
            self._finished(ticket, "cache_threshold")
            return
        due = ticket.started + self._prefill(job)
        await self._until(due)
        self._first(ticket)
        yield 1
        gap = latency.gaps(self.latencies, self._rng, self._factor)
        total, ready = len(job.answer), 0
        while ticket.sent + ready < total:
            due += gap()
            if due > self._clock() + _RESOLUTION:
                if ready:
                    self._count(ticket, ready)
                    yield ready
                    ready = 0
                await self._until(due)
            ready += 1
            if ready == _BATCH:
                self._count(ticket, ready)
                yield ready
                ready = 0
                await self._sleep(0)
        if ready:
            self._count(ticket, ready)
            yield ready
        self._finished(ticket, job.finish_reason)

    def _look_up(self, ticket: Ticket) -> None:
        job = ticket.job
        ticket.lease = lease = self.cache.acquire(job.prompt, job.adapter)
        job.cached_tokens = lease.cached_tokens
        job.below_threshold = lease.cached_tokens < job.threshold * len(job.prompt)
        if self.counting:
            self.metrics.counters[names.CACHE_QUERIES] += len(job.prompt)
            self.metrics.counters[names.CACHE_HITS] += lease.cached_tokens

    def _prefill(self, job: Job) -> float:
        if job.remote_prefill:
            return latency.transfer(self.latencies, self._rng, prompt=len(job.prompt))
        return latency.prefill(
            self.latencies,
            self._rng,
            prompt=len(job.prompt),
            cached=job.cached_tokens,
            factor=self._factor(),
        )

    def _factor(self) -> float:
        return latency.load_factor(
            self.latencies.time_factor_under_load, self._slots.running, self._slots.max_running
        )

    async def _until(self, due: float) -> None:
        while (rest := due - self._clock()) > _RESOLUTION:
            await self._sleep(rest)

    def _first(self, ticket: Ticket) -> None:
        ticket.first = ticket.last = self._clock()
        ticket.sent = 1
        if self.counting:
            self.metrics.counters[names.PROMPT_TOKENS] += len(ticket.job.prompt)
            self.metrics.counters[names.GENERATION_TOKENS] += 1
            self.metrics.observe(names.TTFT, ticket.first - ticket.arrived)

    def _count(self, ticket: Ticket, tokens: int) -> None:
        now = self._clock()
        ticket.sent += tokens
        if ticket.lease is not None:
            self.cache.grow(ticket.lease, ticket.sent)
        if self.counting:
            self.metrics.counters[names.GENERATION_TOKENS] += tokens
            gap = max(now - ticket.last, 0.0) / tokens
            self.metrics.observe(names.TPOT, gap, tokens)
            self.metrics.observe(names.ITL, gap, tokens)
        ticket.last = now

    def _finished(self, ticket: Ticket, reason: str) -> None:
        if not self.counting:
            return
        metrics, job, sent = self.metrics, ticket.job, ticket.sent
        metrics.success[reason] += 1
        end = self._clock()
        metrics.observe(names.QUEUE_TIME, ticket.started - ticket.arrived)
        metrics.observe(names.INFERENCE_TIME, end - ticket.started)
        metrics.observe(names.E2E, end - ticket.arrived)
        metrics.observe(names.REQUEST_PROMPT_TOKENS, len(job.prompt))
        metrics.observe(names.REQUEST_GENERATION_TOKENS, sent)
        metrics.observe(names.MAX_GENERATION_TOKENS, sent)
        if job.max_tokens is not None:
            metrics.observe(names.REQUEST_MAX_TOKENS, job.max_tokens)
        if sent:
            metrics.observe(names.PREFILL_TIME, ticket.first - ticket.started)
            metrics.observe(names.DECODE_TIME, ticket.last - ticket.first)
        if sent > 1:
            metrics.observe(names.REQUEST_TPOT, (ticket.last - ticket.first) / (sent - 1))

    def _adapters_changed(self) -> None:
        self.lora_info.show(*self._slots.adapters())
