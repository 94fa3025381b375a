"""The requests of one flow, in the order of its policy; any of them can leave at any time."""

from heapq import heapify, heappop, heappush

from epp.api.request import Request

_FEW = 64


class Waiting:
    """One request in a queue.

    Attributes:
        request: who waits.
        size: bytes counted against the limits.
        arrived: monotonic seconds.
        number: counts arrivals at all flows.
        priority: of its band.
        flow: where it stands.
        rank: what its flow's ordering policy says of it.
    """

    __slots__ = ("arrived", "flow", "number", "priority", "rank", "request", "size")

    def __init__(
        self, request: Request, flow: "FlowQueue", priority: int, number: int, arrived: float
    ) -> None:
        self.request = request
        self.flow = flow
        self.priority = priority
        self.number = number
        self.arrived = arrived
        self.size = request.size
        self.rank = 0.0


class FlowQueue:
    """One flow. Joining, and leaving at the head, cost a logarithm.

    Who leaves from the middle leaves an empty place, until that reaches the head or until more
    places are empty than taken.

    Attributes:
        fairness_id: unique in its band.
    """

    __slots__ = ("_places", "_taken", "fairness_id")

    def __init__(self, fairness_id: str) -> None:
        self.fairness_id = fairness_id
        self._places: list[tuple[float, int]] = []
        self._taken: dict[int, Waiting] = {}

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def first(self) -> Waiting:
        """The next to go; only if there is one."""
        return self._taken[self._places[0][1]]

    @property
    def head(self) -> tuple[float, int]:
        """Rank and number of the next to go; only if there is one."""
        return self._places[0]

    @property
    def head_arrived(self) -> float:
        """When the next to go came; only if there is one."""
        return self.first.arrived

    def join(self, waiting: Waiting) -> bool:
        """Take a request in; return whether it is the first."""
        heappush(self._places, (waiting.rank, waiting.number))
        self._taken[waiting.number] = waiting
        return self._places[0][1] == waiting.number

    def leave(self, waiting: Waiting) -> bool:
        """Let a request go; return whether it was the first."""
        places, taken = self._places, self._taken
        del taken[waiting.number]
        if places[0][1] == waiting.number:
            while places and places[0][1] not in taken:
                heappop(places)
            return True
        if len(places) > 2 * len(taken) + _FEW:
            self._places = [place for place in places if place[1] in taken]
            heapify(self._places)
        return False
