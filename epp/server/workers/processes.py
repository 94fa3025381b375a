"""The scheduling process's workers: started, watched, started again, drained."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Sequence

from epp.config.loader import Config
from epp.director.director import Director
from epp.extproc.settings import StreamSettings
from epp.metrics.recorder import EppMetrics
from epp.metrics.sharing import Shared, Totals, shared
from epp.server.errors import StartError
from epp.server.flags import Parsed
from epp.server.health import Health
from epp.server.workers.channel import Channel, Kind, Message
from epp.server.workers.desk import Desk, Office
from epp.server.workers.messages import PromptNeeds
from epp.server.workers.placement import objections, told_of_responses

log = logging.getLogger("setup")

WORKER_FD = "EPP_WORKER_FD"
"""Environment variable that makes a process a worker: the number of its end of the socket pair."""

_START_SECONDS = 120.0
"""For a worker that runs and does not listen yet: on a busy node all of them start slowly."""
_STATE_SECONDS = 2.0
_KILL_SECONDS = 5.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_STEADY_SECONDS = 30.0


class Workers:
    """N transport processes.

    Args:
        parsed: the flags; workers read the same ones.
        config: in use; workers are told it, for the file may be another one when they start again.
        director: who decides.
        metrics: of the scheduling process.
        health: whether requests can be served.

    Attributes:
        restarts: workers that died and were started again.
    """

    def __init__(
        self,
        parsed: Parsed,
        config: Config,
        director: Director,
        metrics: EppMetrics,
        health: Health,
    ) -> None:
        self._first = self._latest = config.text
        self._options = parsed.options
        self._arguments = parsed.arguments
        self._config = config
        needs = PromptNeeds(self._tell_needs)
        self._office = Office(director, metrics, told_of_responses(config.instances), needs)
        self._totals = Totals(metrics)
        self._workers: dict[int, _Worker] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._is_ready = health.is_ready
        self.restarts = 0
        health.on_change(self._tell_ready)
        metrics.before_exposition.append(self.count)

    @property
    def port(self) -> int:
        """The port that all listen on."""
        return self._options.grpc_port

    @property
    def open_streams(self) -> int:
        """Requests that were routed and have not ended."""
        return sum(worker.open_streams for worker in self._workers.values())

    def use(self, config: Config, settings: StreamSettings) -> None:
        """Tell the workers another configuration; they make these settings of it themselves."""
        del settings
        self._latest = config.text
        office = self._office
        office.told = told_of_responses(config.instances)
        office.needs.most = 0
        for worker in self._workers.values():
            worker.send(Kind.CONFIG, config.text)

    async def start(self) -> None:
        """Start all; return when each one listens.

        Raises:
            StartError: one of them ended, or did not listen in time.
        """
        if not self.port:
            raise StartError("--workers needs a --grpc-port other than 0, which all share")
        for objection in objections(self._config):
            raise StartError(objection)
        numbers = range(self._options.workers)
        await asyncio.gather(*(self._start(number) for number in numbers))
        self._keepers = [asyncio.create_task(self._keep(number)) for number in numbers]

    async def count(self) -> None:
        """Bring the metrics up to date with what the workers have counted."""
        workers = list(self._workers.values())
        self._totals.show(await asyncio.gather(*[worker.counted() for worker in workers]))

    async def drain(self) -> None:
        """Let every worker end its streams, and itself."""
        await self._start_no_more()
        for worker in self._workers.values():
            worker.send(Kind.DRAIN)
        ends = [asyncio.create_task(w.process.wait()) for w in self._workers.values()]
        if not ends:
            return
        _, late = await asyncio.wait(ends, timeout=self._options.drain_timeout + _KILL_SECONDS)
        for end in late:
            end.cancel()
        if late:
            log.warning("%d workers had not ended after the drain timeout", len(late))

    async def stop(self) -> None:
        """End all of them now."""
        await self._start_no_more()
        for worker in self._workers.values():
            worker.close()
        for worker in self._workers.values():
            try:
                async with asyncio.timeout(_KILL_SECONDS):
                    await worker.process.wait()
            except TimeoutError:
                worker.process.kill()
                await worker.process.wait()

    async def _start_no_more(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers = []

    def _tell_ready(self, is_ready: bool) -> None:  # noqa: FBT001 - a listener's signature
        self._is_ready = is_ready
        for worker in self._workers.values():
            worker.send(Kind.READY, is_ready)

    def _tell_needs(self, prompt_bytes: int) -> None:
        for worker in self._workers.values():
            worker.send(Kind.PROMPT_BYTES, prompt_bytes)

    async def _start(self, number: int) -> None:
        worker = await _Worker.start(self._arguments, self._office)
        self._workers[number] = worker
        # Some of the first one stays in use until a restart, and of the others more than that.
        for text in dict.fromkeys((self._first, self._latest)):
            worker.send(Kind.CONFIG, text)
        listening = asyncio.ensure_future(worker.is_listening.wait())
        ended = asyncio.ensure_future(worker.process.wait())
        await asyncio.wait(
            (listening, ended), timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        is_listening = listening.done()
        for waiter in (listening, ended):
            waiter.cancel()
        if not is_listening:
            worker.close()
            with contextlib.suppress(ProcessLookupError):
                worker.process.kill()  # it may hang
            raise StartError("a worker did not start; what it said stands above")
        if self._office.needs.most:
            worker.send(Kind.PROMPT_BYTES, self._office.needs.most)
        worker.send(Kind.READY, self._is_ready)

    async def _keep(self, number: int) -> None:
        """Start a worker again whenever it ends."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            began = loop.time()
            worker = self._workers[number]
            code = await worker.process.wait()
            worker.close()
            self._totals.ended(worker.take_counts())
            self.restarts += 1
            log.error("worker %d ended with %s and is started again", number, code)
            if loop.time() - began > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                await self._start(number)
            except (StartError, OSError) as error:
                log.error("worker %d: %s", number, error)  # noqa: TRY400 - the text is enough


class _Worker:
    """One process, and what it is asked and asks."""

    def __init__(self, process: asyncio.subprocess.Process, office: Office) -> None:
        self.process = process
        self.last_counted = shared(EppMetrics())
        self.is_listening = asyncio.Event()
        self._channel: Channel | None = None
        self._desk = Desk(office, self.send)
        self._question: asyncio.Future[None] | None = None

    @classmethod
    async def start(cls, arguments: Sequence[str], office: Office) -> "_Worker":
        ours, theirs = socket.socketpair()
        descriptor = theirs.fileno()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "epp",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(descriptor,),
                env={**os.environ, WORKER_FD: str(descriptor)},
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        worker = cls(process, office)
        worker._channel = await Channel.open(ours, worker._take, worker._desk.lost)
        return worker

    def send(self, *message: object) -> None:
        if self._channel is not None:
            self._channel.send(*message)

    @property
    def open_streams(self) -> int:
        return self._desk.open_streams

    def take_counts(self) -> Shared:
        """Return what it had counted when it was last asked, and nothing from then on."""
        counted, self.last_counted = self.last_counted, shared(EppMetrics())
        return counted

    def close(self) -> None:
        """Take the other end away, at which a worker ends."""
        if self._channel is not None:
            self._channel.close()

    async def counted(self) -> Shared:
        """Return what it has counted, or had when it last answered in time."""
        question = self._question
        if question is None or question.done():
            question = self._question = asyncio.get_running_loop().create_future()
            self.send(Kind.ASK_STATE, 0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STATE_SECONDS):
                await asyncio.shield(question)
        return self.last_counted

    def _take(self, message: Message) -> None:
        kind = message[0]
        if kind == Kind.STATE:
            self.last_counted = message[2]
            if self._question is not None and not self._question.done():
                self._question.set_result(None)
        elif kind == Kind.LISTENING:
            self.is_listening.set()
        else:
            self._desk.take(message)
