"""Waits until objects are what was asked for, and gives up as soon as it is clear that they won't.

Asked again every second, not watched: a handful of objects cost little, and a server that restarts
meanwhile is only asked once more. ``waiting_objects`` and ``waiting_pods`` say what is wrong.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import Away, Unreachable
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError, TimedOut
from gaiectl.operations.waiting_objects import Looks
from gaiectl.operations.waiting_words import Failure, describe, one_line

_PERIOD_SECONDS = 1.0
_FIRST_PERIOD_SECONDS = 0.2


class Pending(NamedTuple):
    """An object that is waited for.

    Attributes:
        who: the object.
        reason: why it is not ready.
        seconds: how long it has been waited for.
    """

    who: Identity
    reason: str
    seconds: float


class Watcher(Protocol):
    """Who is told what is waited for."""

    def waits(self, pending: Sequence[Pending]) -> None:
        """These objects are not ready; called each time they were asked."""
        ...


class Patience:
    """How long to wait, for all phases together.

    Args:
        seconds: from now on; 0 is not to wait at all.
        clock: seconds that never go back.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.seconds = seconds
        self.now = clock
        self.sleep = sleep
        self._end = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._end - self.now()


def until_ready(
    cluster: Cluster, documents: Iterable[Document], patience: Patience, watcher: Watcher
) -> None:
    """Return when all objects are ready.

    Raises:
        TimedOut: they are not in time; says which, why and since when.
        GaieError: one of them will not be, whatever the time.
    """
    waiting = [identity(document) for document in documents]
    began = patience.now()
    looks = Looks(cluster, patience.now)
    period = _FIRST_PERIOD_SECONDS
    reasons: dict[Identity, str] = dict.fromkeys(waiting, "not asked for yet")
    while waiting:
        try:
            found = {who: looks.at(who) for who in waiting}
        except Away:
            raise
        except Unreachable as error:
            reasons = dict.fromkeys(waiting, error.message)
        else:
            failed = {who: one for who, one in found.items() if isinstance(one, Failure)}
            if failed:
                raise _given_up(failed)
            reasons = {who: one_line(str(one)) for who, one in found.items() if one}
            waiting = list(reasons)
        seconds = patience.now() - began
        pending = [Pending(who, reasons[who], seconds) for who in waiting]
        watcher.waits(pending)
        if not waiting:
            return
        if patience.left <= 0:
            raise _timed_out(pending, patience.seconds)
        patience.sleep(min(period, max(patience.left, 0)))
        period = min(period * 2, _PERIOD_SECONDS)


def _given_up(failed: dict[Identity, Failure]) -> GaieError:
    first, *others = dict.fromkeys(failed.values())
    more = [f"also {one_line(failure.message)}" for failure in others]
    return GaieError(
        one_line(first.message),
        hint=first.hint,
        detail="\n".join(filter(None, [first.detail, *more])),
    )


def _timed_out(pending: Sequence[Pending], seconds: float) -> TimedOut:
    first = pending[0].who
    lines = [f"{one.who.title} ({one.seconds:.0f} s): {one.reason}" for one in pending]
    count = "1 object is" if len(pending) == 1 else f"{len(pending)} objects are"
    return TimedOut(
        f"{count} not ready after {seconds:g} s",
        hint=f"{describe(first)}; --timeout waits longer, and install again goes on from here",
        detail="\n".join(lines),
    )
