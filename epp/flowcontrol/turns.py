"""Whose turn it is among the flows of a band: the memories that fairness policies work with."""

from bisect import bisect_right, insort
from heapq import heapify, heappop, heappush

from epp.api.flow import Flow

_FEW = 64


class BestHead:
    """The flow whose first request ranks best is next, whatever flow it is."""

    __slots__ = ("_flows", "_heads")

    def __init__(self) -> None:
        self._flows: dict[str, Flow] = {}
        self._heads: list[tuple[tuple[float, int], str]] = []

    def changed(self, flow: Flow) -> None:
        """Note the new head of the flow; the old one is skipped when it comes up."""
        self._flows[flow.fairness_id] = flow
        heappush(self._heads, (flow.head, flow.fairness_id))
        if len(self._heads) > 2 * len(self._flows) + _FEW:
            self._heads = [(f.head, name) for name, f in self._flows.items()]
            heapify(self._heads)

    def emptied(self, flow: Flow) -> None:
        """Forget the flow."""
        del self._flows[flow.fairness_id]

    def next(self, now: float) -> Flow:
        """Return the flow with the best head."""
        del now
        heads, flows = self._heads, self._flows
        while True:
            head, name = heads[0]
            flow = flows.get(name)
            if flow is not None and flow.head == head:
                return flow
            heappop(heads)

    def served(self, flow: Flow) -> None:
        """Every turn is decided anew."""


class RoundRobin:
    """Flows with requests take turns in the order of their names."""

    __slots__ = ("_flows", "_last", "_names")

    def __init__(self) -> None:
        self._flows: dict[str, Flow] = {}
        self._names: list[str] = []
        self._last = ""

    def changed(self, flow: Flow) -> None:
        """Let the flow take part."""
        if flow.fairness_id not in self._flows:
            self._flows[flow.fairness_id] = flow
            insort(self._names, flow.fairness_id)

    def emptied(self, flow: Flow) -> None:
        """Let it take part no more."""
        del self._flows[flow.fairness_id]
        self._names.remove(flow.fairness_id)

    def next(self, now: float) -> Flow:
        """Return the flow after the one that was served last."""
        del now
        position = bisect_right(self._names, self._last)
        return self._flows[self._names[position % len(self._names)]]

    def served(self, flow: Flow) -> None:
        """Note that it had its turn."""
        self._last = flow.fairness_id
