"""A pool of model servers in virtual time, with the simulator's prefix cache in each.

One server computes prompts one after the other, and generates for all its requests at once, as
continuous batching does. Its figures are those of an 8B model on one H100: 25 ms and 0.2 ms per
computed token for a prompt, 12 ms for a round of the batch, a third more with 64 in it.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from workloads import Arrival

from epp.api.endpoint import Metrics
from gaiectl.simulator.kv_cache import Lease, PrefixCache

BLOCK_TOKENS = 16
PROMPT_SECONDS = 0.025
TOKEN_SECONDS = 0.0002
ROUND_SECONDS = 0.012
MOST_RUNNING = 64


@dataclass(slots=True)
class Served:
    """How one request fared: virtual seconds to its first token, tokens asked for and cached."""

    ttft: float
    prompt: int
    cached: int


@dataclass(slots=True)
class Clock:
    """Virtual time: what is to happen, in order."""

    now: float = 0.0
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have it done then."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), act))

    def run(self) -> None:
        """Do everything, until nothing is left to do."""
        while self._due:
            self.now, _, act = heapq.heappop(self._due)
            act()


class Server:
    """One model server.

    Args:
        clock: of the simulation.
        blocks: size of the KV cache.
        served: is told of every request that got its first token.
    """

    def __init__(self, clock: Clock, blocks: int, served: Callable[[Served], None]) -> None:
        self._clock = clock
        self._served = served
        self._cache = PrefixCache(size=blocks, block_size=BLOCK_TOKENS)
        self._waiting: deque[tuple[Arrival, Callable[[], None]]] = deque()
        self._running = 0
        self._is_computing = False

    def metrics(self) -> Metrics:
        """Return what a scrape would tell."""
        return Metrics(
            waiting=len(self._waiting),
            running=self._running,
            kv_usage=self._cache.usage,
            block_size=BLOCK_TOKENS,
            num_blocks=self._cache.size,
            updated_at=self._clock.now,
        )

    def serve(self, arrival: Arrival, ended: Callable[[], None]) -> None:
        """Take a request; ``ended`` is called at its end."""
        self._waiting.append((arrival, ended))
        self._compute_next()

    def _compute_next(self) -> None:
        if self._is_computing or not self._waiting or self._running >= MOST_RUNNING:
            return
        arrival, ended = self._waiting.popleft()
        self._is_computing = True
        self._running += 1
        lease = self._cache.acquire(arrival.tokens)
        missing = len(arrival.tokens) - lease.cached_tokens
        seconds = PROMPT_SECONDS + TOKEN_SECONDS * missing
        self._clock.after(seconds, lambda: self._generate(arrival, lease, ended))

    def _generate(self, arrival: Arrival, lease: Lease, ended: Callable[[], None]) -> None:
        self._is_computing = False
        ttft = self._clock.now - arrival.at
        self._served(Served(ttft, len(arrival.tokens), lease.cached_tokens))
        self._cache.grow(lease, arrival.answer)
        seconds = arrival.answer * ROUND_SECONDS * (1 + self._running / (3 * MOST_RUNNING))
        self._clock.after(seconds, lambda: self._end(lease, ended))
        self._compute_next()

    def _end(self, lease: Lease, ended: Callable[[], None]) -> None:
        self._running -= 1
        self._cache.release(lease)
        ended()
        self._compute_next()
