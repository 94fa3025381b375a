"""The messages of one publisher, put in order: gaps, replays, restarts.

vLLM numbers the messages of a process from 0. Who missed some may ask for them again, as far as the
publisher still has them: from a number on, up to a last message that is marked.

- A number that is too high: messages were lost. They are asked for, and what arrives meanwhile
  waits. What cannot be had stays lost: blocks removed meanwhile are believed to be there until
  their place in the index is needed, and blocks stored meanwhile are not known.
- A number that came live already, or a connection that was lost and comes back with a number that
  does not follow: another process. All that is known of the old one is dropped.
- A number that came by a replay only: the same message once more, which took the slower way.

No I/O and no clock.
"""

from collections import deque
from collections.abc import Callable

MAX_WAITING = 10_000
"""Messages held back during a replay; vLLM keeps as many for replaying."""
MAX_WAITING_BYTES = 32 * 1024 * 1024


class EventStream:
    """One publisher.

    Args:
        apply: takes the payload of each message, in order.
        reset: called when the publisher is another process than before.
        ask: asks for a replay from a number on; returns False when nobody can be asked.
    """

    def __init__(
        self,
        apply: Callable[[bytes], None],
        reset: Callable[[], None],
        ask: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.lost = 0
        """Messages that were never seen."""
        self.resets = 0
        """Times that the publisher was another process than before."""
        self._apply = apply
        self._reset = reset
        self._ask = ask
        self._next: int | None = None
        self._heard = -1
        self._is_doubtful = False
        self._is_replaying = False
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._waiting_bytes = 0

    @property
    def is_replaying(self) -> bool:
        """A replay is under way: ``replay_ended`` must be called in due time."""
        return self._is_replaying

    def begin(self) -> None:
        """Ask for all that the publisher still has."""
        self._next = 0
        self._is_replaying = self._ask(0)
        if not self._is_replaying:
            self._next = None

    def reconnected(self) -> None:
        """Note that the connection was lost: the next message may be another process's."""
        self._is_doubtful = True

    def live(self, number: int, payload: bytes) -> None:
        """Take a message as it was published."""
        heard, self._heard = self._heard, number
        if self._is_replaying:
            self._wait(number, payload)
            if len(self._waiting) >= MAX_WAITING or self._waiting_bytes >= MAX_WAITING_BYTES:
                self.replay_ended()
            return
        expected = self._next
        if expected is None or number == expected:
            self._take(number, payload)
            return
        if heard < number < expected and not self._is_doubtful:
            return
        if number < expected or self._is_doubtful:
            self.resets += 1
            self._reset()
            expected = 0
        self._next = expected
        self._is_doubtful = False
        if number > expected and self._ask(expected):
            self._is_replaying = True
            self._wait(number, payload)
        else:
            self.lost += number - expected
            self._take(number, payload)

    def replayed(self, number: int, payload: bytes) -> None:
        """Take a message of a replay."""
        if not self._is_replaying or self._next is None or number < self._next:
            return
        self.lost += number - self._next
        self._take(number, payload)

    def replay_ended(self) -> None:
        """Go on with what arrived meanwhile; what is still missing is lost."""
        if not self._is_replaying:
            return
        self._is_replaying = False
        waiting, self._waiting, self._waiting_bytes = self._waiting, deque(), 0
        for number, payload in waiting:
            expected = self._next or 0
            if number >= expected:
                self.lost += number - expected
                self._take(number, payload)

    def _wait(self, number: int, payload: bytes) -> None:
        self._waiting.append((number, payload))
        self._waiting_bytes += len(payload)

    def _take(self, number: int, payload: bytes) -> None:
        self._next = number + 1
        self._is_doubtful = False
        self._apply(payload)
