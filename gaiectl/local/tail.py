"""Reading a log that is being written."""

from pathlib import Path

from gaiectl.local.files import last_lines


class Tail:
    """The lines of a file: the last ones first, then what is added.

    Args:
        path: the file; it may not exist yet, and may be cut (see ``files.trim_log``).
        count: how many lines to begin with.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0
        self._rest = b""
        self._first = last_lines(path, count).splitlines() if count else []

    def new_lines(self) -> list[str]:
        """Return the complete lines since the last call."""
        first, self._first = self._first, []
        if not self._path.exists():
            return first
        with self._path.open("rb") as file:
            size = file.seek(0, 2)
            if size < self._offset:  # it was cut: what is kept was shown already
                self._offset, self._rest = size, b""
            file.seek(self._offset)
            text = self._rest + file.read(size - self._offset)
        self._offset = size
        *lines, self._rest = text.split(b"\n")
        return first + [line.decode(errors="replace") for line in lines]
