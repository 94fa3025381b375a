"""What the kernel says of a process: CPU seconds and memory (proc(5))."""

import os
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_KIB = 1024


class Memory(NamedTuple):
    """Bytes of memory of one process.

    Attributes:
        resident: pages in memory, shared libraries included.
        peak: the most that was ever resident.
        proportional: resident, with every shared page divided by the number of its users.
    """

    resident: int
    peak: int
    proportional: int


def cpu_seconds(pid: int) -> float:
    """Return user and system time of all threads so far, in steps of the kernel's tick."""
    # After the name (in parentheses, may hold blanks) utime is the 12th field, stime the 13th.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def memory(pid: int) -> Memory:
    """Return the memory of a process now."""
    status = _figures(Path(f"/proc/{pid}/status"))
    rollup = _figures(Path(f"/proc/{pid}/smaps_rollup"))
    return Memory(status["VmRSS"], status["VmHWM"], rollup["Pss"])


def _figures(path: Path) -> dict[str, int]:
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0].removesuffix(":"): int(row[1]) * _KIB for row in rows if row[2:3] == ["kB"]}
