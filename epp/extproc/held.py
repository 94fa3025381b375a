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

    Attributes:
        held: bytes held now. Whoever holds more or less says so here, and asks ``refusal`` when it
            is above the limit.
    """

    __slots__ = ("held", "limit")

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        self.limit = limit
        self.held = 0

    def refusal(self) -> Refusal:
        """Return the answer to a request for whose body there is no room."""
        return Refusal(
            Code.SERVICE_UNAVAILABLE,
            f"request bodies of {self.limit} bytes wait already, there is no room for more",
        )
