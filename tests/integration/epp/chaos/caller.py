"""A gateway that asks one thing after the other, in a process of its own.

What it measures is the EPP, then, and not how busy the test is.
"""

import multiprocessing
import time
from types import TracebackType
from typing import NamedTuple, Self

from chaos.peer import Peer, destination_of

_BODY = b'{"model": "m", "prompt": "the bay"}'
_PAUSE_SECONDS = 0.002


class Pick(NamedTuple):
    """One answer.

    Attributes:
        seconds: from the question to it.
        destination: where the request goes, ``ip:port``.
    """

    seconds: float
    destination: str


class Caller:
    """Asks from entering to leaving.

    Attributes:
        picks: every answer, once it has been left.
    """

    def __init__(self, port: int) -> None:
        self.picks: list[Pick] = []
        context = multiprocessing.get_context("spawn")
        self._answers, theirs = context.Pipe()
        self._process = context.Process(target=_ask, args=(port, theirs), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._answers.recv()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._answers.send("enough")
        self.picks = self._answers.recv()
        self._process.join()


def _ask(port: int, test: "multiprocessing.connection.Connection[object, object]") -> None:
    peer = Peer(port)
    picks: list[Pick] = []
    test.send("started")
    while not test.poll(_PAUSE_SECONDS):
        began = time.perf_counter()
        destination = destination_of(peer.ask(_BODY))
        picks.append(Pick(time.perf_counter() - began, destination))
    test.send(picks)
    peer.close()
