"""A CPU profile by sampling: where the event loop's thread is, a hundred times a second.

The text has one line per stack and how often it was seen, as flame graph programs read it. Calls
into compiled modules do not show.
"""

import asyncio
import sys
import threading
from collections import Counter
from types import FrameType

_INTERVAL_SECONDS = 0.01
_DEEPEST = 60


async def sample(seconds: float) -> str:
    """Watch the calling thread for so long; return the stacks, the most frequent ones first."""
    thread, seen = threading.get_ident(), Counter[str]()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_INTERVAL_SECONDS):
            seen[_stack(sys._current_frames().get(thread))] += 1  # noqa: SLF001 - there is no other

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        await asyncio.sleep(seconds)
    finally:
        ended.set()
        watcher.join()
    return "".join(f"{stack} {count}\n" for stack, count in seen.most_common())


def _stack(frame: FrameType | None) -> str:
    calls: list[str] = []
    while frame is not None and len(calls) < _DEEPEST:
        code = frame.f_code
        calls.append(f"{frame.f_globals.get('__name__', '?')}.{code.co_qualname}")
        frame = frame.f_back
    return ";".join(reversed(calls))
