"""Who runs and who waits: a bounded queue before a bounded number of places.

At most ``max_loras`` different adapters run at once; a request for a further one waits, and
requests behind it that could run overtake it, as in vLLM's scheduler.
"""

from collections import Counter
from dataclasses import dataclass


class QueueFull(Exception):
    """No place to run and no place to wait."""


@dataclass(slots=True, eq=False)
class Place:
    """One request's claim; compared by identity."""

    adapter: str = ""
    running: bool = False


class Slots:
    """The running and the waiting requests of one model server."""

    def __init__(self, *, max_running: int, max_waiting: int, max_loras: int) -> None:
        self.max_running = max_running
        self._max_waiting = max_waiting
        self._max_loras = max_loras
        self._running: dict[Place, None] = {}
        self._waiting: dict[Place, None] = {}
        self._adapters: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """Requests that run."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def adapters(self) -> tuple[list[str], list[str]]:
        """Return the names of the adapters that run and of those waited for, sorted."""
        return sorted(self._adapters), sorted({p.adapter for p in self._waiting if p.adapter})

    def enter(self, place: Place) -> bool:
        """Ask to run; return whether it runs at once (else it waits until ``leave`` names it).

        Raises:
            QueueFull: neither is possible.
        """
        if self._fits(place):
            self._start(place)
            return True
        if len(self._waiting) >= self._max_waiting:
            raise QueueFull
        self._waiting[place] = None
        return False

    def leave(self, place: Place) -> list[Place]:
        """End a request, running or waiting; return those that may run now, in order."""
        if place in self._waiting:
            del self._waiting[place]
            return []
        if not place.running:
            return []
        del self._running[place]
        place.running = False
        if place.adapter:
            self._adapters[place.adapter] -= 1
            if not self._adapters[place.adapter]:
                del self._adapters[place.adapter]
        started = []
        for waiting in list(self._waiting):
            if len(self._running) >= self.max_running:
                break
            if self._fits(waiting):
                del self._waiting[waiting]
                self._start(waiting)
                started.append(waiting)
        return started

    def _fits(self, place: Place) -> bool:
        if len(self._running) >= self.max_running:
            return False
        known = not place.adapter or place.adapter in self._adapters
        return known or len(self._adapters) < self._max_loras

    def _start(self, place: Place) -> None:
        self._running[place] = None
        place.running = True
        if place.adapter:
            self._adapters[place.adapter] += 1
