"""Asks GAIE's latency prediction sidecar, or a server of the same interface.

``POST /predict/bulk/strict`` predicts, ``POST /add_training_data_bulk`` takes observations. Calls
of requests that come at the same time are made one. A server that fails is left alone for a while,
so that requests do not wait for what will not come.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from epp.prediction.features import Features, Malformed, Observation, Times, times_from
from epp.prediction.settings import Settings

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.35
"""How long a prediction is waited for; no request waits longer for all that is to be found out."""
FAILURES_UNTIL_LEFT_ALONE = 3
SHORTEST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 30.0
GENERATED_TOKENS = 1
"""What a prediction says was generated already: the first token."""

_PREDICT = "/predict/bulk/strict"
_LEARN = "/add_training_data_bulk"


class Answer(Protocol):
    """What came back."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def body(self) -> bytes:
        """The whole body."""
        ...


class Posts(Protocol):
    """An HTTP client of one server."""

    url: str

    async def post(self, path: str, body: bytes) -> Answer:
        """Send JSON."""
        ...

    def close(self) -> None:
        """Drop all connections."""
        ...


class _Server:
    """One server, and whether it is worth asking."""

    def __init__(self, client: Posts, role: str, clock: Callable[[], float]) -> None:
        self.client = client
        self._role = role
        self._clock = clock
        self._failures = 0
        self._rests_until = 0.0

    @property
    def is_willing(self) -> bool:
        return self._clock() >= self._rests_until

    async def call(self, path: str, content: Any, timeout: float) -> Any:
        """Return the decoded answer; None when there is none, which is noted."""
        try:
            async with asyncio.timeout(timeout):
                answer = _content(await self.client.post(path, orjson.dumps(content)))
        except TimeoutError:
            self.failed(f"no answer within {timeout:g} s")
        except (OSError, ValueError, RecursionError, Malformed) as error:
            self.failed(str(error) or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - a server may send anything
            self.failed(f"{type(error).__name__}: {error}")
        else:
            return answer
        return None

    def failed(self, why: str) -> None:
        self._failures += 1
        over = self._failures - FAILURES_UNTIL_LEFT_ALONE
        if over < 0:
            return
        rest = min(LONGEST_REST_SECONDS, SHORTEST_REST_SECONDS * 2 ** min(over, 10))
        self._rests_until = self._clock() + rest
        if over == 0:
            logger.warning(
                "the latency predictor at %s fails: %s; %s; check that its container runs",
                self.client.url,
                why,
                self._role,
            )

    def succeeded(self) -> None:
        if self._failures >= FAILURES_UNTIL_LEFT_ALONE:
            logger.info("the latency predictor at %s answers again", self.client.url)
        self._failures = 0
        self._rests_until = 0.0


def _content(answer: Answer) -> Any:
    if not 200 <= answer.status < 300:
        raise Malformed(f"the answer was {answer.status}")
    return orjson.loads(answer.body) if answer.body else {}


class Predictor:
    """Predicts and learns over HTTP, from ``start`` to ``stop``.

    Args:
        settings: where, and how.
        connect: makes an HTTP client for a URL.
        clock: monotonic seconds.
        chance: chooses among several servers, and observations when there are too many.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[str], Posts],
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._chance = chance or random.Random()
        without = "requests are scheduled without predictions"
        self._servers = [_Server(connect(u), without, clock) for u in settings.prediction_urls]
        self._school = _Server(connect(settings.training_url), "nothing is learnt", clock)
        self._waiting: list[tuple[Sequence[Features], asyncio.Future[Sequence[Times] | None]]] = []
        self._waiting_rows = 0
        self._window: asyncio.TimerHandle | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._observations = (_Sample(settings.max_sample_size), _Sample(settings.max_sample_size))
        self._flushing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send observations."""
        self._flushing = asyncio.get_running_loop().create_task(self._flush_often())

    async def stop(self) -> None:
        """End all calls; who waits for one gets no prediction."""
        if self._window is not None:
            self._window.cancel()
        for _, future in self._waiting:
            _settle(future, None)
        self._waiting.clear()
        tasks = [*self._calls, *([self._flushing] if self._flushing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in (*self._servers, self._school):
            server.client.close()

    def predict(self, rows: Sequence[Features]) -> Awaitable[Sequence[Times] | None] | None:
        """See ``epp.prediction.tracker.Predicts``."""
        settings = self._settings
        if not any(server.is_willing for server in self._servers):
            return None
        if len(self._calls) >= settings.max_calls and self._waiting_rows > settings.max_bulk_size:
            return None
        future: asyncio.Future[Sequence[Times] | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, future))
        self._waiting_rows += len(rows)
        is_full = 0 < settings.max_rows <= self._waiting_rows
        if is_full or not settings.window_seconds:
            self._send()
        elif self._window is None:
            loop = asyncio.get_running_loop()
            self._window = loop.call_later(settings.window_seconds, self._send)
        return future

    def learn(self, observation: Observation) -> None:
        """See ``epp.prediction.tracker.Predicts``."""
        self._observations[not observation.ttft].add(observation, self._chance)

    def _send(self) -> None:
        if self._window is not None:
            self._window.cancel()
            self._window = None
        if len(self._calls) >= self._settings.max_calls:
            return  # The end of a call sends what waits.
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        waiting = [(rows, future) for rows, future in waiting if not future.done()]
        if waiting:
            task = asyncio.get_running_loop().create_task(self._answer(waiting))
            self._calls.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if self._waiting and self._window is None and not task.cancelled():
            self._send()

    async def _answer(
        self, waiting: Sequence[tuple[Sequence[Features], asyncio.Future[Sequence[Times] | None]]]
    ) -> None:
        rows = [row for asked, _ in waiting for row in asked]
        try:
            times = await self._ask(rows)
            position = 0
            for asked, future in waiting:
                end = position + len(asked)
                _settle(future, None if times is None else times[position:end])
                position = end
        finally:
            for _, future in waiting:
                _settle(future, None)

    async def _ask(self, rows: Sequence[Features]) -> Sequence[Times] | None:
        """Return the times of all rows, asked for in pieces; None if any piece fails."""
        settings = self._settings
        willing = [server for server in self._servers if server.is_willing]
        if not willing:
            return None
        server = self._chance.choice(willing)
        most = max(settings.max_bulk_size, settings.max_rows)
        pieces = [rows[at : at + most] for at in range(0, len(rows), most)]
        timeout = min(PATIENCE_SECONDS, settings.timeout_seconds)
        found = await asyncio.gather(*[self._piece(server, piece, timeout) for piece in pieces])
        times: list[Times] = []
        for one in found:
            if one is None:
                return None
            times += one
        server.succeeded()
        return times

    async def _piece(
        self, server: _Server, rows: Sequence[Features], timeout: float
    ) -> Sequence[Times] | None:
        content = {"requests": [row.as_json(GENERATED_TOKENS) for row in rows]}
        answer = await server.call(_PREDICT, content, timeout)
        if answer is None:
            return None
        try:
            return times_from(answer, len(rows))
        except Malformed as error:
            server.failed(str(error))
            return None

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(self._settings.flush_seconds)
            await self.flush()

    async def flush(self) -> None:
        """Send what was observed; what cannot be sent is dropped, for newer will come."""
        entries = [one for sample in self._observations for one in sample.take()]
        if not entries or not self._school.is_willing:
            return
        most = self._settings.max_sample_size
        if len(entries) > most:
            entries = self._chance.sample(entries, most)
        content = {"entries": [_entry(one) for one in entries]}
        if await self._school.call(_LEARN, content, self._settings.timeout_seconds) is not None:
            self._school.succeeded()


class _Sample:
    """An even choice of all that came since the last ``take``, of bounded size."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen = 0
        self._kept: list[Observation] = []

    def add(self, observation: Observation, chance: random.Random) -> None:
        self._seen += 1
        if len(self._kept) < self._most:
            self._kept.append(observation)
        elif (position := chance.randrange(self._seen)) < self._most:
            self._kept[position] = observation

    def take(self) -> list[Observation]:
        kept, self._kept, self._seen = self._kept, [], 0
        return kept


def _entry(observation: Observation) -> dict[str, Any]:
    features, ttft, tpot, at = observation
    return {
        **features.as_json(0),
        "actual_ttft_ms": ttft * 1000,
        "actual_tpot_ms": tpot * 1000,
        "timestamp": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
    }


def _settle(
    future: "asyncio.Future[Sequence[Times] | None]", times: Sequence[Times] | None
) -> None:
    if not future.done():
        future.set_result(times)
