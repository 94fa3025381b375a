"""An API server that goes away for a while: it is upgraded, or its machine starts again.

Whoever changes a stack waits for it and goes on. One that starts answers before it is ready, with
401, 403 or 503 for what it does not know yet; so it is back when it says so (``/readyz``).
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from gaiectl.cluster.failures import ApiError, Away, Unreachable, Untrusted
from gaiectl.documents import Document

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster

_PERIOD_SECONDS = 0.5
_MOST_REPEATS = 5
"""Of a request that is never answered by a server which is ready: it is the request then."""
_MAYBE_UNREADY = frozenset((401, 403, 429, 500, 502, 503, 504))
_BROKEN = frozenset((500, 502, 503, 504))
_SHORTEST_SECONDS = 5.0


class Outages:
    """Repeats requests that an API server did not answer, once it is back.

    Args:
        cluster: whose server it is.
        seconds: returns how long an outage that begins now may last.
        told: called with a sentence when the server is away, and when it is back.

    Attributes:
        count: how often it has been away.
    """

    def __init__(
        self, cluster: "Cluster", seconds: Callable[[], float], told: Callable[[str], None]
    ) -> None:
        self.count = 0
        self._cluster = cluster
        self._seconds = seconds
        self._told = told
        self._one = threading.Lock()
        self._has_answered = False

    def limit(self, seconds: float) -> float:
        """Return how long to wait for one answer, which may be so many seconds otherwise."""
        return min(seconds, max(self._seconds(), _SHORTEST_SECONDS))

    def through(self, request: Callable[[], Document]) -> Document:
        """Return what a request returns, repeated until the server answers it.

        Raises:
            Away: it does not come back in time.
            Unreachable: it has never answered, or answers everything but this.
            ApiError: it refuses.
        """
        for repeats in range(_MOST_REPEATS + 1):
            is_last = repeats == _MOST_REPEATS
            try:
                answer = request()
            except Untrusted:
                raise
            except Unreachable as error:
                if not self._has_answered or is_last:
                    raise
                self._outlast(error)
            except ApiError as error:
                self._has_answered = True
                if is_last or error.status not in _MAYBE_UNREADY:
                    raise
                # A ready one means what it says, unless it became so just now.
                was_away = self._outlast(error)
                if not was_away and (error.status not in _BROKEN or repeats):
                    raise
            else:
                self._has_answered = True
                return answer
        raise AssertionError("the last repetition returns or raises")

    def _outlast(self, error: Unreachable | ApiError) -> bool:
        """Wait until the server is ready; return whether it was not."""
        with self._one:
            if self._cluster.is_ready():
                return False
            self.count += 1
            began, seconds = time.monotonic(), self._seconds()
            server = self._cluster.connection.server
            self._told(f"{server} does not answer: waiting for it")
            while not self._cluster.is_ready():
                spent = time.monotonic() - began
                if spent >= seconds:
                    raise Away(
                        f"{server} has not answered for {spent:.0f} s: {error.message}",
                        hint="see that the cluster runs, and give it longer with --timeout",
                    )
                time.sleep(_PERIOD_SECONDS)
            self._told(f"{server} answers again, after {time.monotonic() - began:.0f} s")
            return True


def is_as_written(found: Document, body: Document) -> bool:
    """Tell whether an object is what was to be written.

    Others may have added to it, and the server leaves out what is empty.
    """
    metadata = {k: v for k, v in body["metadata"].items() if k != "resourceVersion"}
    return _holds(found, {**body, "metadata": metadata})


def _holds(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(not value or _holds(found.get(name), value) for name, value in wanted.items())
    return bool(found == wanted)


@contextlib.contextmanager
def outlasting(
    cluster: "Cluster", seconds: Callable[[], float], told: Callable[[str], None]
) -> Iterator[None]:
    """Let all requests of a cluster wait for its server while it is away.

    Args:
        cluster: repeats its requests as long as this lasts.
        seconds: returns how long an outage that begins now may last.
        told: called with a sentence when the server is away, and when it is back.
    """
    before, cluster.outages = cluster.outages, Outages(cluster, seconds, told)
    try:
        yield
    finally:
        cluster.outages = before
