"""An exception that comes again and again is told once, and then once a minute.

A plugin that fails does so for each request; what was told of the first one helps with all.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

QUIET_SECONDS: Final = 60.0
_MOST: Final = 256

_Key = tuple[object, ...]


class Repeats(logging.Filter):
    """Drops records of an exception that was told a short while ago.

    Exceptions are the same that come of the same line with the same message. The next one that is
    told after the pause says in its field ``repeated`` how many were dropped.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[_Key, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is to be written; one without an exception always is."""
        if not record.exc_info or record.exc_info[1] is None:
            return True
        now, key = self._clock(), _key(record, record.exc_info[1])
        until, dropped = self._told.pop(key, (0.0, 0))
        if now < until:
            self._told[key] = (until, dropped + 1)
            return False
        if len(self._told) >= _MOST:
            del self._told[next(iter(self._told))]
        self._told[key] = (now + QUIET_SECONDS, 0)
        if dropped:
            record.fields = {**getattr(record, "fields", {}), "repeated": dropped}
        return True


def _key(record: logging.LogRecord, error: BaseException) -> _Key:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = (trace.tb_frame.f_code, trace.tb_lineno) if trace is not None else None
    return (record.name, record.msg, type(error), where)
