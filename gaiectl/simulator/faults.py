"""What is broken on purpose right now, and for how long."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from gaiectl.simulator.kinds import did_you_mean
from gaiectl.simulator.settings import FAULTS

FLAPPING_PERIOD = 2.0
"""Seconds of one turn of not-ready-flapping: the first half is not ready."""


@dataclass(frozen=True, slots=True)
class Active:
    """A fault that is switched on; ``until`` on the clock of its ``Faults``, None for ever."""

    since: float
    until: float | None
    rate: float


class Faults:
    """The faults of one server.

    Args:
        clock: monotonic seconds.
        rng: decides which requests a fault with a rate hits.
    """

    def __init__(self, *, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._active: dict[str, Active] = {}

    def switch_on(
        self, name: str, *, seconds: float | None = None, rate: float | None = None
    ) -> None:
        """Begin a fault, or begin it anew.

        Raises:
            ValueError: unknown name, a duration of zero or less, or a rate outside 0 to 100.
        """
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}{did_you_mean(name, list(FAULTS))}")
        if seconds is not None and not 0 < seconds < float("inf"):
            raise ValueError(f"'for': {seconds} is not a number of seconds above 0")
        if rate is not None and not 0 <= rate <= 100:
            raise ValueError(f"'rate': {rate} is not between 0 and 100")
        now = self._clock()
        self._active[name] = Active(
            since=now,
            until=None if seconds is None else now + seconds,
            rate=100.0 if rate is None else rate,
        )

    def switch_off(self, name: str | None = None) -> None:
        """End a fault, or all of them.

        Raises:
            ValueError: unknown name.
        """
        if name is None:
            self._active.clear()
            return
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}{did_you_mean(name, list(FAULTS))}")
        self._active.pop(name, None)

    def active(self) -> dict[str, Active]:
        """Return the faults that are on."""
        if self._active:
            now = self._clock()
            for name, fault in list(self._active.items()):
                if fault.until is not None and fault.until <= now:
                    del self._active[name]
        return self._active

    def since(self, name: str) -> float | None:
        """Return when a fault began, None if it is off; its rate does not matter."""
        fault = self.active().get(name)
        return fault.since if fault else None

    def hits(self, name: str) -> bool:
        """Draw whether a fault hits the request at hand."""
        fault = self.active().get(name)
        return fault is not None and (fault.rate >= 100 or self._rng.random() * 100 < fault.rate)

    def flapped_down(self) -> bool:
        """Return whether not-ready-flapping says not ready at this moment."""
        since = self.since("not-ready-flapping")
        if since is None:
            return False
        return (self._clock() - since) % FLAPPING_PERIOD < FLAPPING_PERIOD / 2

    def report(self) -> dict[str, object]:
        """Return what ``GET /admin/faults`` shows."""
        now = self._clock()
        return {
            "active": [
                {
                    "name": name,
                    "remainingSeconds": None if fault.until is None else fault.until - now,
                    "rate": fault.rate,
                }
                for name, fault in self.active().items()
            ],
            "known": list(FAULTS),
        }
