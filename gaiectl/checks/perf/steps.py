"""Holds each step's load for its time, and hears what comes of it."""

import asyncio
import contextlib
import json
import math
import random
import resource
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gaiectl.checks.gateway import Gateway
from gaiectl.checks.perf.client import Client
from gaiectl.checks.perf.load import Load, Step
from gaiectl.checks.perf.prefix_hits import Readings, Witness, Witnesses, between
from gaiectl.checks.perf.prompts import Prompts
from gaiectl.checks.perf.sample import NOT_SENT, Sample
from gaiectl.checks.perf.tally import Result, Tally
from gaiectl.checks.session import Session
from gaiectl.checks.target import Target
from gaiectl.errors import GaieError
from gaiectl.local.process import open_files

_PATH = "/v1/completions"
_TRIES = 5
_PAUSE_SECONDS = 0.1
"""After a failure: a gateway that refuses is not to be asked a thousand times a second."""

_MOST_UNDER_WAY = 1000
"""In an open loop: more connections say nothing more of servers that do not keep up."""

_WARM = 16
"""Connections that are opened before an open loop begins, of which nobody knows what it takes."""

_TICK_SECONDS = 0.02


class Cut(StrEnum):
    """What ended a measurement before its time."""

    NOTHING = ""
    INTERRUPTED = "interrupted"
    OUT_OF_TIME = "out of time"


@dataclass(slots=True)
class Progress:
    """How far a step is."""

    tally: Tally
    number: int
    of: int


async def measure(
    target: Target,
    load: Load,
    *,
    seconds: float,
    begins: Callable[[Progress], object],
    ends: Callable[[Result], object],
    servers: Mapping[str, Witness] | None = None,
) -> tuple[list[Result], Cut]:
    """Hold every step's load; a cancellation ends it and keeps what was measured.

    Args:
        target: the gateway and what stands behind it.
        load: what to send.
        seconds: after that long nothing more is sent or waited for.
        begins: is called as a step begins, with what shows how far it is.
        ends: is called with each step's result.
        servers: the metrics of model servers by name, where they are not at the endpoint's URL.

    Returns:
        the results, and what cut the measurement short; the step that was cut short is the last.

    Raises:
        GaieError: not a single request is answered.
    """
    results: list[Result] = []
    under_way: _Run | None = None
    cut = Cut.NOTHING
    _let_many_be_open()
    client = Client(target.gateway_url, _PATH, target.endpoints, load.request_seconds)
    try:
        async with Gateway(target) as gateway, asyncio.timeout(seconds):
            witnesses = Witnesses(Session(target, gateway), servers or {})
            for number, step in enumerate(load.steps):
                run = _Run(client, target.model, load, step)
                await run.warm_up()
                before = await witnesses.read()
                under_way = run
                begins(Progress(run.tally, number + 1, len(load.steps)))
                await run.hold()
                results.append(run.close())
                under_way = None
                _note_hits(results[-1], before, await witnesses.read())
                ends(results[-1])
    except TimeoutError:
        cut = Cut.OUT_OF_TIME
    except asyncio.CancelledError:
        cut = Cut.INTERRUPTED
    finally:
        client.close()
    if under_way is not None:
        results.append(under_way.close())
        ends(results[-1])
    return results, cut


def _let_many_be_open() -> None:
    """Raise the number of files that may be open: a request by a port-forward takes three."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # some systems have a limit they do not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(few, open_files()), most))


class _Run:
    """One step."""

    def __init__(self, client: Client, model: str, load: Load, step: Step) -> None:
        self._client, self._model, self._load, self._step = client, model, load, step
        self._chance = random.Random()
        self._prompts = Prompts(load.prompt_tokens, load.shared, load.prefixes, self._chance)
        self.tally = Tally(step)
        self.result = self.tally.result
        self._began = self._cpu_began = 0.0
        self._begun = 0

    async def warm_up(self) -> None:
        """Open the connections that the load will take; what it costs is no part of the step."""
        body = self._body(f"{self._chance.getrandbits(64):x}", 1)
        for _ in range(_TRIES):
            asked = (self._client.ask(body, streams=self._load.streams) for _ in range(self._wide))
            samples = await asyncio.gather(*asked)
            if any(not sample.failure for sample in samples):
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        failure, said = samples[0].failure, samples[0].said
        raise GaieError(
            f"none of {self._wide * _TRIES} requests for model {self._model} was answered: "
            f"{failure}",
            detail=said,
            hint="make the same test without --perf: it says what is wrong",
        )

    @property
    def _wide(self) -> int:
        return self._step.concurrency or min(math.ceil(self._step.rate), _WARM)

    async def hold(self) -> None:
        self._began, self._cpu_began = time.monotonic(), time.process_time()
        async with self._watching():
            await (self._open() if self._step.rate else self._closed())

    def close(self) -> Result:
        now = self._now()
        self.result.client_cpu = (time.process_time() - self._cpu_began) / max(now, 1e-9)
        return self.tally.close(now)

    async def _closed(self) -> None:
        async def work() -> None:
            while self._may_begin():
                sample = await self._ask()
                if sample.failure:
                    await asyncio.sleep(_PAUSE_SECONDS)
            self.tally.ease_off(self._now())

        async with asyncio.TaskGroup() as group:
            for _ in range(self._step.concurrency):
                group.create_task(work())

    async def _open(self) -> None:
        under_way: set[asyncio.Task[Sample]] = set()
        due = 0.0
        async with asyncio.TaskGroup() as group:
            while True:
                due += self._chance.expovariate(self._step.rate)
                if not self._load.requests and due >= self._load.seconds:
                    await asyncio.sleep(max(self._load.seconds - self._now(), 0))
                    break
                await asyncio.sleep(max(due - self._now(), 0))
                if not self._may_begin():
                    break
                if len(under_way) >= _MOST_UNDER_WAY:
                    said = f"{_MOST_UNDER_WAY} requests are under way"
                    self.tally.add(Sample(seconds=0, failure=NOT_SENT, said=said), self._now())
                    continue
                task = group.create_task(self._ask())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            self.tally.ease_off(self._now())

    def _may_begin(self) -> bool:
        load = self._load
        may = self._begun < load.requests if load.requests else self._now() < load.seconds
        self._begun += may
        return may

    async def _ask(self) -> Sample:
        body = self._body(self._prompts.next(), self._load.answer_tokens)
        sample = await self._client.ask(body, streams=self._load.streams)
        self.tally.add(sample, self._now())
        return sample

    def _body(self, prompt: str, tokens: int) -> bytes:
        body = {
            "model": self._model,
            "prompt": prompt,
            "max_tokens": tokens,
            "ignore_eos": True,  # vLLM's and SGLang's; others let it pass
            "temperature": 0,
        }
        if self._load.streams:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return json.dumps(body).encode()

    def _now(self) -> float:
        return time.monotonic() - self._began

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Measure how late this process itself is."""

        async def watch() -> None:
            while True:
                due = time.monotonic() + _TICK_SECONDS
                await asyncio.sleep(_TICK_SECONDS)
                self.result.client_lag.add(time.monotonic() - due)

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()


def _note_hits(result: Result, before: Readings, after: Readings) -> None:
    result.servers = between(before.servers, after.servers)
    result.picker = between(before.picker, after.picker)
