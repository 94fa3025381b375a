"""Cuts a stream of bytes into lines."""


class LineTooLong(Exception):
    """A peer sent more without an end of line than anybody should."""


class Lines:
    """Puts lines together from pieces of any size.

    Args:
        limit: most bytes of one line.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that end in this piece, without their ends and without empty ones.

        Raises:
            LineTooLong: the line that has begun exceeds the limit.
        """
        first, *rest = data.split(b"\n")
        self._keep(first)
        lines = []
        for piece in rest:
            lines.append(b"".join(self._parts))
            self._parts.clear()
            self._size = 0
            self._keep(piece)
        return [line for line in lines if line.strip()]

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise LineTooLong(f"a line has more than {self._limit} bytes")
        if piece:
            self._parts.append(piece)
