"""The scheduling process's workers: started, watched, started again, drained."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Sequence

from epp.director.director import Director
from epp.server.errors import StartError
from epp.server.workers.channel import Channel, Kind, Message
from epp.server.workers.desk import Desk

log = logging.getLogger("setup")

WORKER_FD = "EPP_WORKER_FD"
"""Environment variable that makes a process a worker: the number of its end of the socket pair."""

_START_SECONDS = 30.0
_STATE_SECONDS = 2.0
_KILL_SECONDS = 5.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_STEADY_SECONDS = 30.0


class Workers:
    """N transport processes.

    Args:
        count: how many.
        arguments: the command line; workers read the same flags and configuration.
        director: who decides.

    Attributes:
        restarts: workers that died and were started again.
    """

    def __init__(self, count: int, arguments: Sequence[str], director: Director) -> None:
        self._count = count
        self._arguments = arguments
        self._director = director
        self._workers: dict[int, _Worker] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._is_ready = False
        self._is_ending = False
        self.restarts = 0

    async def start(self) -> None:
        """Start all; return when each one listens.

        Raises:
            StartError: one of them ended, or did not listen in time.
        """
        await asyncio.gather(*(self._start(number) for number in range(self._count)))
        self._keepers = [asyncio.create_task(self._keep(number)) for number in range(self._count)]

    def set_ready(self, *, is_ready: bool) -> None:
        """Tell the workers whether requests can be served."""
        self._is_ready = is_ready
        for worker in self._workers.values():
            worker.send(Kind.READY, is_ready)

    async def state(self) -> list[bytes]:
        """Return what each worker has counted; nothing of one that does not answer in time."""
        answers = [worker.state() for worker in self._workers.values()]
        found = await asyncio.gather(*answers)
        return [state for state in found if state is not None]

    async def drain(self, timeout_seconds: float) -> bool:
        """Let every worker end its streams and itself; True when all did in time."""
        self._is_ending = True
        for worker in self._workers.values():
            worker.send(Kind.DRAIN)
        ends = [asyncio.create_task(w.process.wait()) for w in self._workers.values()]
        if not ends:
            return True
        _, late = await asyncio.wait(ends, timeout=timeout_seconds + _KILL_SECONDS)
        for end in late:
            end.cancel()
        return not late

    async def stop(self) -> None:
        """End all of them now."""
        self._is_ending = True
        for keeper in self._keepers:
            keeper.cancel()
        for worker in self._workers.values():
            worker.close()
        for worker in self._workers.values():
            try:
                async with asyncio.timeout(_KILL_SECONDS):
                    await worker.process.wait()
            except TimeoutError:
                worker.process.kill()
                await worker.process.wait()

    async def _start(self, number: int) -> None:
        worker = await _Worker.start(self._arguments, self._director)
        self._workers[number] = worker
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
            raise StartError("a worker did not start; what it said stands above")
        worker.send(Kind.READY, self._is_ready)

    async def _keep(self, number: int) -> None:
        """Start a worker again whenever it ends."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            began = loop.time()
            worker = self._workers[number]
            code = await worker.process.wait()
            if self._is_ending:
                return
            worker.close()
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

    def __init__(self, process: asyncio.subprocess.Process, director: Director) -> None:
        self.process = process
        self.is_listening = asyncio.Event()
        self._channel: Channel | None = None
        self._desk = Desk(director, self.send)
        self._question: asyncio.Future[bytes] | None = None

    @classmethod
    async def start(cls, arguments: Sequence[str], director: Director) -> "_Worker":
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "epp",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(descriptor,),
                env={**os.environ, WORKER_FD: str(descriptor)},
            )
        worker = cls(process, director)
        worker._channel = await Channel.open(ours, worker._take, worker._desk.lost)
        return worker

    def send(self, *message: object) -> None:
        if self._channel is not None:
            self._channel.send(*message)

    def close(self) -> None:
        """Take the other end away, at which a worker ends."""
        if self._channel is not None:
            self._channel.close()

    async def state(self) -> bytes | None:
        question = self._question
        if question is None or question.done():
            question = self._question = asyncio.get_running_loop().create_future()
            self.send(Kind.ASK_STATE, 0)
        try:
            async with asyncio.timeout(_STATE_SECONDS):
                return await asyncio.shield(question)
        except TimeoutError:
            return None

    def _take(self, message: Message) -> None:
        kind = message[0]
        if kind == Kind.STATE:
            if self._question is not None and not self._question.done():
                self._question.set_result(message[2])
        elif kind == Kind.LISTENING:
            self.is_listening.set()
        else:
            self._desk.take(message)
