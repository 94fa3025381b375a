"""How many bytes of request bodies all streams together hold."""

from epp.api.errors import Code, Refusal

MAX_HELD_BYTES = 512 * 1024 * 1024


class HeldBodies:
    """The account of one process.

    Bodies are held while they are coming, in full duplex, and while their requests wait for a
    decision, for example in a queue. A client that sends slowly, or many that wait, must not take
    all memory.

    Args:
        limit: bytes of all bodies; at least as many as one may have.
    """

    __slots__ = ("_limit", "held")

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        self._limit = limit
        self.held = 0

    def take(self, count: int) -> None:
        """Hold some more.

        Raises:
            Refusal: 503, there is no room; they count as held all the same until they are given
                back.
        """
        self.held += count
        if self.held > self._limit:
            raise Refusal(
                Code.SERVICE_UNAVAILABLE,
                f"request bodies of {self._limit} bytes wait already, there is no room for more",
            )

    def give_back(self, count: int) -> None:
        """Hold less."""
        self.held -= count
