"""The endpoints alive now, what is known of each, and the snapshot a decision is taken on.

Single-threaded: everything happens on the event loop. No I/O and no tasks.
"""

import heapq
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import NEVER_SCRAPED, Candidate, Endpoint, Metrics, Snapshot
from epp.api.plugin import EndpointObserver
from epp.api.tuples import new_tuple

logger = logging.getLogger(__name__)

_Key = tuple[str, str]


class _State:
    """What the pool remembers of one endpoint.

    ``inflight_at_scrape`` belongs to the scraped values in ``metrics``; ``inflight_at_start`` to
    the scrape that is under way.
    """

    __slots__ = (
        "endpoint",
        "index",
        "inflight",
        "inflight_at_scrape",
        "inflight_at_start",
        "is_fresh",
        "is_reachable",
        "labels",
        "metrics",
    )

    def __init__(self, spec: EndpointSpec, slot: int) -> None:
        self.labels = dict(spec.labels)
        self.endpoint = Endpoint(
            spec.name,
            spec.namespace,
            spec.address,
            spec.port,
            MappingProxyType(self.labels),
            slot,
        )
        self.metrics = NEVER_SCRAPED
        self.is_fresh = False
        self.is_reachable = True
        self.inflight = 0
        self.inflight_at_start = 0
        self.inflight_at_scrape = 0
        self.index = 0

    def is_at(self, spec: EndpointSpec) -> bool:
        return self.endpoint.address == spec.address and self.endpoint.port == spec.port

    def candidate(self) -> Candidate:
        metrics = self.metrics
        own = self.inflight - self.inflight_at_scrape
        waiting = metrics.waiting + own
        running = metrics.running + own
        return new_tuple(
            Candidate,
            (
                self.endpoint,
                metrics,
                self.is_fresh,
                self.is_reachable,
                self.inflight,
                max(0, waiting),
                max(0, running),
            ),
        )


class Pool:
    """The set of endpoints, replaced as a whole by discovery and kept current by the scraper.

    Calls about an endpoint that is no longer in the pool do nothing: a request may end, and a
    scrape may answer, after its endpoint was removed.

    Args:
        staleness_seconds: scraped values older than this are not fresh.
        clock: monotonic seconds, the same clock that stamps ``Metrics.updated_at``.
    """

    def __init__(
        self, *, staleness_seconds: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.staleness_seconds = staleness_seconds
        self.is_synced = False
        self.version = 0
        self._clock = clock
        self._states: dict[Endpoint, _State] = {}
        self._by_key: dict[_Key, _State] = {}
        self._candidates: list[Candidate] = []
        self._positions: dict[int, int] = {}
        self._stale = 0
        self._block_sizes: Counter[int] = Counter()
        self._serial = 0
        self._snapshot = Snapshot()
        self._take_snapshot(None)
        self._changed: set[_State] = set()
        self._free_slots: list[int] = []
        self._slot_count = 0
        self._observers: list[EndpointObserver] = []
        self._listeners: list[Callable[[], None]] = []
        self._figure_listeners: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._states)

    def snapshot(self) -> Snapshot:
        """Return all candidates, in the order discovery gave them.

        The same object is returned until something changes; only what changed is made anew.
        """
        changed = self._changed
        if changed:
            candidates = self._candidates
            for state in changed:
                candidates[state.index] = state.candidate()
            self._take_snapshot([state.index for state in changed])
            changed.clear()
        return self._snapshot

    def observe(self, observer: EndpointObserver) -> None:
        """Tell ``observer`` of every endpoint that leaves the pool."""
        self._observers.append(observer)

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each ``replace`` that changed something; return the undo."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def on_figures(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each scrape that brought figures; return the undo."""
        self._figure_listeners.append(listener)
        return lambda: self._figure_listeners.remove(listener)

    def replace(self, endpoints: Iterable[EndpointSpec]) -> None:
        """Make the pool hold exactly these endpoints.

        An endpoint of the same namespace, name, address and port stays the same object and keeps
        metrics, in-flight count and slot; new labels appear in its ``labels``, which is a live
        view. A changed address or port makes a new endpoint.

        Raises:
            ValueError: two endpoints have the same namespace and name; nothing was changed.
        """
        desired = _by_key(endpoints)
        current = self._by_key
        is_changed = not self.is_synced or list(desired) != list(current)
        kept: dict[_Key, _State] = {}
        for key, spec in desired.items():
            state = current.get(key)
            if state is None or not state.is_at(spec):
                state = _State(spec, self._take_slot())
                is_changed = True
            elif state.labels != spec.labels:
                _set_labels(state.labels, spec.labels)
                is_changed = True
            kept[key] = state
        self.is_synced = True
        if not is_changed:
            return
        gone = [state for key, state in current.items() if kept.get(key) is not state]
        self._hold(kept)
        for state in gone:
            self._say_goodbye(state.endpoint)
            heapq.heappush(self._free_slots, state.endpoint.slot)
        self.version += 1
        for listener in tuple(self._listeners):
            listener()

    def dispatched(self, endpoint: Endpoint) -> None:
        """Count a request that is sent to ``endpoint``; ``completed`` must follow once."""
        state = self._states.get(endpoint)
        if state is not None:
            state.inflight += 1
            self._changed.add(state)

    def completed(self, endpoint: Endpoint) -> None:
        """Count the end of a request that was dispatched to ``endpoint``."""
        state = self._states.get(endpoint)
        if state is not None and state.inflight > 0:
            state.inflight -= 1
            self._changed.add(state)

    def scrape_started(self, endpoint: Endpoint) -> None:
        """Note that a scrape leaves now: its values will include what is in flight now."""
        state = self._states.get(endpoint)
        if state is not None:
            state.inflight_at_start = state.inflight

    def scraped(self, endpoint: Endpoint, metrics: Metrics) -> None:
        """Take the values of the scrape that ``scrape_started`` announced."""
        state = self._states.get(endpoint)
        if state is not None:
            if metrics.block_size != state.metrics.block_size:
                self._count_block(state.metrics.block_size, -1)
                self._count_block(metrics.block_size, 1)
            if not state.is_fresh:
                state.is_fresh = True
                self._stale -= 1
            state.metrics = metrics
            state.inflight_at_scrape = state.inflight_at_start
            state.is_reachable = True
            self._changed.add(state)
            for listener in self._figure_listeners:
                listener()

    def scrape_failed(self, endpoint: Endpoint, *, is_reachable: bool) -> None:
        """Note a failed scrape; the last values stay until they are too old.

        Args:
            endpoint: who failed.
            is_reachable: a connection exists or may still come about.
        """
        state = self._states.get(endpoint)
        if state is not None and state.is_reachable != is_reachable:
            state.is_reachable = is_reachable
            self._changed.add(state)

    def expire(self) -> None:
        """Mark what is older than the staleness threshold; to be called a few times a second."""
        oldest = self._clock() - self.staleness_seconds
        for state in self._states.values():
            if state.is_fresh and state.metrics.updated_at < oldest:
                state.is_fresh = False
                self._stale += 1
                self._changed.add(state)

    def _hold(self, states: dict[_Key, _State]) -> None:
        known, changed, was = self._states, self._changed, self._candidates
        held: dict[Endpoint, _State] = {}
        positions: dict[int, int] = {}
        candidates: list[Candidate] = []
        for index, state in enumerate(states.values()):
            endpoint = state.endpoint
            if endpoint in known and state not in changed:
                candidates.append(was[state.index])
            else:
                candidates.append(state.candidate())
            state.index = index
            held[endpoint] = state
            positions[endpoint.slot] = index
        self._by_key, self._states = states, held
        self._candidates, self._positions = candidates, positions
        changed.clear()
        self._stale = sum([not state.is_fresh for state in states.values()])
        sizes = Counter([state.metrics.block_size for state in states.values()])
        del sizes[0]
        self._block_sizes = sizes
        self._take_snapshot(None)

    def _take_snapshot(self, changed: list[int] | None) -> None:
        snapshot = self._snapshot = Snapshot(self._candidates)
        self._serial += 1
        snapshot.serial = self._serial
        snapshot.changed = changed
        snapshot.positions = self._positions
        snapshot.are_fresh = not self._stale
        snapshot.smallest_block = min(self._block_sizes) if self._block_sizes else 0

    def _count_block(self, size: int, by: int) -> None:
        if size:
            self._block_sizes[size] += by
            if not self._block_sizes[size]:
                del self._block_sizes[size]

    def _take_slot(self) -> int:
        if self._free_slots:
            return heapq.heappop(self._free_slots)
        self._slot_count += 1
        return self._slot_count - 1

    def _say_goodbye(self, endpoint: Endpoint) -> None:
        for observer in self._observers:
            try:
                observer.endpoint_gone(endpoint)
            except Exception:
                logger.exception(
                    "%s failed to forget endpoint %s", type(observer).__name__, endpoint.name
                )


def _by_key(endpoints: Iterable[EndpointSpec]) -> dict[_Key, EndpointSpec]:
    desired: dict[_Key, EndpointSpec] = {}
    for spec in endpoints:
        key = (spec.namespace, spec.name)
        if key in desired:
            raise ValueError(f"endpoint {spec.namespace}/{spec.name} is given twice")
        desired[key] = spec
    return desired


def _set_labels(labels: dict[str, str], wanted: Mapping[str, str]) -> None:
    labels.clear()
    labels.update(wanted)
