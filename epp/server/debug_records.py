"""Decision records: of requests that ask for one by a header, and of a share of all."""

from collections import OrderedDict
from collections.abc import Sequence
from random import random
from time import monotonic

import orjson

from epp.api.endpoint import Candidate
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.director.director import Schedules
from epp.scheduling.record import DecisionRecord, record
from epp.scheduling.scheduler import Scheduler

EXPLAIN = "x-gateway-inference-explain"
"""The request header; any value but ``false`` and ``0`` asks."""

_MOST_RECORDS = 1000
_MOST_BYTES = 16 * 1024 * 1024
_MOST_ID = 256


def is_wanted(request: Request) -> bool:
    """Tell whether the request asks for a record."""
    return request.headers.get(EXPLAIN, "0").lower() not in ("0", "false")


class Records:
    """The latest records by request id; the oldest ones go when there are too many.

    A record of a big pool is big, so their bytes are limited as well as their number.
    """

    def __init__(self, *, most: int = _MOST_RECORDS, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, made: DecisionRecord) -> None:
        """Keep a record; of two with the same id the later one stays."""
        text = orjson.dumps(made.to_json())
        key = made.request.id[:_MOST_ID]
        self._bytes += len(text) - len(self._kept.pop(key, b""))
        self._kept[key] = text
        while self._kept and (len(self._kept) > self._most or self._bytes > self._most_bytes):
            self._bytes -= len(self._kept.popitem(last=False)[1])

    def get(self, request_id: str) -> bytes | None:
        """Return a record as JSON; None when there is none."""
        return self._kept.get(request_id)

    def log(self) -> bytes:
        """Return all records, the oldest first, one in JSON on each line."""
        return b"".join(text + b"\n" for text in self._kept.values())

    def ids(self) -> list[str]:
        """Return the request ids, the latest first."""
        return list(reversed(self._kept))


class Recording:
    """A scheduler that keeps a record of each decision for a request that is to have one.

    Args:
        scheduler: decides, and is not told what it decided.
        inner: who decides the other requests and is told of all: the same one, or one around it.
        records: where records go.
        share: of the requests that do not ask, 0 to 1; chance chooses them.
    """

    __slots__ = ("_inner", "_records", "_scheduler", "_share")

    def __init__(
        self, scheduler: Scheduler, inner: Schedules, records: Records, share: float = 0.0
    ) -> None:
        self._scheduler = scheduler
        self._inner = inner
        self._records = records
        self._share = share

    def schedule(self, request: Request, candidates: Sequence[Candidate]) -> Decision:
        """Choose endpoints.

        Raises:
            Refusal: no endpoint can serve the request.
        """
        if not is_wanted(request) and random() >= self._share:
            return self._inner.schedule(request, candidates)
        made = record(self._scheduler, request, candidates, monotonic())
        self._records.keep(made)
        if made.decision is None:
            assert made.refusal is not None
            raise made.refusal
        return made.decision

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Tell the plugins of a decision."""
        self._inner.dispatched(request, decision, candidates)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Tell the plugins of an end."""
        self._inner.completed(request, decision, outcome)
