"""Signals that end a command: each works like Ctrl-C, and each has an exit code of its own."""

import signal
from types import FrameType

from gaiectl.errors import Exit


class Interruptions:
    """Turns SIGTERM and SIGHUP into a Ctrl-C from now on.

    Attributes:
        code: exit code for the KeyboardInterrupt that comes: 130, or 128 and the signal's number.
    """

    def __init__(self) -> None:
        self.code: int = Exit.INTERRUPTED
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._heard)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        self.code = 128 + number
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a background job of a script
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)  # where asyncio runs it listens, and cancels its tasks
