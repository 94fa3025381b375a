"""Requests that come together: who of them belongs where.

Those of one window are placed jointly. Equal prompts are one unit, which goes to one endpoint, or
to a few if a unit may not put more than so many on one. Units that begin alike go to the same
endpoint while that has less than its share (llm-d's burst-prefix-cache-producer).
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from epp.api.data import PrefixMatch
from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.kvcache.hashing import TOKEN_BYTES, keys, root

if TYPE_CHECKING:
    import asyncio

MAX_WAITING = 10_000
_DEFAULT_BLOCKS = 256


class Waiting(NamedTuple):
    """A request of the window.

    Attributes:
        names: of its prompt's blocks.
        candidates: where it may go.
        placed: gets the endpoint's slot, or None.
    """

    names: tuple[int, ...]
    candidates: Sequence[Candidate]
    placed: "asyncio.Future[int | None]"


class Bursts:
    """Collects requests and places them.

    Args:
        seconds: length of a window.
        per_endpoint: equal prompts on one endpoint at most; 0 or less is any number.
        block_tokens: tokens in a block, four bytes each.
        max_tokens: how much of a prompt is looked at; 0 stands for 256 blocks.
        alike: leading blocks that make two prompts alike; 0 goes by equal ones only.
    """

    def __init__(
        self, seconds: float, per_endpoint: int, block_tokens: int, max_tokens: int, alike: int
    ) -> None:
        self._seconds = seconds
        self._per_endpoint = per_endpoint
        self._block_tokens = block_tokens
        self._max_bytes = (max_tokens or _DEFAULT_BLOCKS * block_tokens) * TOKEN_BYTES
        self._alike = alike
        self._waiting: list[Waiting] = []

    def names(self, request: Request) -> tuple[int, ...]:
        """Return the names of the blocks of a request's prompt."""
        text = request.prompt.head(self._max_bytes)
        start = root(f"{request.target_model}\0{request.cache_salt}")
        return tuple(keys(text, start, self._block_tokens))

    async def place(self, request: Request, candidates: Sequence[Candidate]) -> PrefixMatch | None:
        """Wait for the end of the window; return a full match where the request belongs."""
        names = self.names(request)
        if not names or len(self._waiting) >= MAX_WAITING:
            return None
        import asyncio  # noqa: PLC0415 - a configuration can be checked without it

        loop = asyncio.get_running_loop()
        waiting = Waiting(names, candidates, loop.create_future())
        if not self._waiting:
            loop.call_later(self._seconds, self._close)
        self._waiting.append(waiting)
        slot = await waiting.placed
        blocks: Mapping[int, float] = {} if slot is None else {slot: len(names)}
        return PrefixMatch(blocks, len(names), self._block_tokens)

    def _close(self) -> None:
        window, self._waiting = self._waiting, []
        present = [waiting for waiting in window if not waiting.placed.done()]
        slots = assign(present, self._per_endpoint, self._alike)
        for waiting, slot in zip(present, slots, strict=True):
            waiting.placed.set_result(slot)


def assign(window: Sequence[Waiting], per_endpoint: int, alike: int) -> list[int | None]:
    """Return for each request of a window the slot where it belongs; None for anywhere."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for position, waiting in enumerate(window):
        groups.setdefault(waiting.names, []).append(position)
    begins: dict[int, int] = {}
    for waiting in window:
        if alike and len(waiting.names) >= alike:
            begins[waiting.names[alike - 1]] = begins.get(waiting.names[alike - 1], 0) + 1

    def beginning(names: tuple[int, ...]) -> int | None:
        return names[alike - 1] if alike and len(names) >= alike else None

    units = [
        (names, members)
        for names, members in groups.items()
        if len(members) > 1 or begins.get(beginning(names) or 0, 0) > 1
    ]
    # Equal prompts first, then longer ones: the others find most to join.
    units.sort(key=lambda unit: (len(unit[1]) == 1, -len(unit[0])))
    pool = {c.endpoint.slot: c for waiting in window for c in waiting.candidates}
    share = ceil(sum(len(members) for _, members in units) / len(pool)) if pool else 0
    load = dict.fromkeys(pool, 0)
    homes: dict[int, set[int]] = {}
    placed: list[int | None] = [None] * len(window)
    for names, members in units:
        start = beginning(names)
        size = per_endpoint if per_endpoint > 0 else len(members)
        for first in range(0, len(members), size):
            part = members[first : first + size]
            allowed = {c.endpoint.slot for c in window[part[0]].candidates}
            if not allowed:
                continue
            known = homes.get(start, set()) if start is not None else set()
            near = [slot for slot in known & allowed if load[slot] < share]
            slot = min(near or allowed, key=lambda slot: (load[slot], pool[slot].inflight, slot))
            load[slot] += len(part)
            if start is not None:
                homes.setdefault(start, set()).add(slot)
            for position in part:
                if any(c.endpoint.slot == slot for c in window[position].candidates):
                    placed[position] = slot
    return placed
