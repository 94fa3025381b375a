"""Watching a stack: its figures second by second, until it ends or one of its parts does."""

import time
from collections.abc import Iterator

from gaiectl.local import parts
from gaiectl.local.figures import Figures, read_all
from gaiectl.local.files import trim_log
from gaiectl.local.stack import Stack
from gaiectl.local.state import Phase, State

PERIOD_SECONDS = 1.0

_CHECKS_PER_PERIOD = 10


def watch(stack: Stack) -> Iterator[list[Figures]]:
    """Yield the figures of the endpoints each second; end when the stack was taken down.

    Changes made by other commands (``scale``, ``kill``, ``start``) are followed.

    Raises:
        Died: a part ended that nobody ended on purpose.
    """
    while True:
        for _ in range(_CHECKS_PER_PERIOD):
            state = stack.place.load()
            if state is None:
                return
            if dead := _unexpected(state):
                # Read again: another command may be killing or removing it right now.
                now = stack.place.load()
                if now is None:
                    return
                if dead[0] in _unexpected(now):
                    raise parts.Died(dead[0], stack.place)
            time.sleep(PERIOD_SECONDS / _CHECKS_PER_PERIOD)
        state = stack.place.load()
        if state is None:
            return
        for part in parts.part_names(state):
            trim_log(stack.place.log(part))
        yield read_all(state.endpoints)


def _unexpected(state: State) -> list[str]:
    if state.phase == Phase.STOPPING:
        return []
    return [part for part in parts.dead_parts(state) if part not in state.killed]
