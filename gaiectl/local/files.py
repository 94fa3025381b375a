"""Files that are whole or absent, and the last lines of a log."""

import contextlib
import os
import tempfile
from pathlib import Path

LOG_LIMIT_BYTES = 32 * 1024 * 1024
"""A log larger than this is cut to its newest part."""

_LOG_KEPT_BYTES = 1024 * 1024


def write_whole(path: Path, text: str) -> None:
    """Replace the file in one step: a reader, or a crash, sees the old text or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def last_lines(path: Path, count: int = 20) -> str:
    """Return the last lines of a log; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-count:])


def trim_log(path: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Cut a log that has grown too large to its newest part.

    The writer keeps the file open in append mode, so that its next line lands behind what is kept.
    """
    with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size <= limit_bytes:
            return
        file.seek(size - min(_LOG_KEPT_BYTES, limit_bytes))
        kept = file.read()
        file.seek(0)
        file.truncate()
        file.write(b"[older lines were cut]\n" + kept[kept.find(b"\n") + 1 :])
