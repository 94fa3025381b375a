"""Blocks that an endpoint will hold soon: those of the prompts just sent there.

Events tell of a block when it was computed. Until then a burst of equal prompts would be spread, so
what was sent counts at once, and for a short time: by then events have told, or it was not so.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

MAX_BLOCKS = 500_000


class Speculation:
    """What was just sent where.

    Args:
        seconds: how long it counts.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._holders: dict[int, int] = {}
        self._until: dict[tuple[int, int], float] = {}
        self._sent: deque[tuple[float, int, Sequence[int]]] = deque()
        self._size = 0

    def holders(self) -> Mapping[int, int]:
        """Return sets of endpoint slots by name of the block."""
        self._expire()
        return self._holders

    def sent(self, slot: int, names: Sequence[int]) -> None:
        """Note that a prompt of these blocks is sent to the slot."""
        if not names:
            return
        until = self._clock() + self._seconds
        bit = 1 << slot
        for name in names:
            self._holders[name] = self._holders.get(name, 0) | bit
            self._until[slot, name] = until
        self._sent.append((until, slot, names))
        self._size += len(names)
        self._expire()

    def forget(self, slot: int) -> None:
        """Drop what was sent to the slot."""
        for _, sent_to, names in self._sent:
            if sent_to == slot:
                self._drop(slot, names)
        self._sent = deque(record for record in self._sent if record[1] != slot)
        self._size = sum(len(names) for _, _, names in self._sent)

    def _expire(self) -> None:
        now = self._clock()
        while self._sent and (self._sent[0][0] <= now or self._size > MAX_BLOCKS):
            until, slot, names = self._sent.popleft()
            self._size -= len(names)
            # Some may have been sent again since.
            self._drop(slot, [n for n in names if self._until.get((slot, n), 0.0) <= until])

    def _drop(self, slot: int, names: Sequence[int]) -> None:
        for name in names:
            self._until.pop((slot, name), None)
            left = self._holders.get(name, 0) & ~(1 << slot)
            if left:
                self._holders[name] = left
            else:
                self._holders.pop(name, None)
