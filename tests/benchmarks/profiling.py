"""Where a process spends its time: py-spy's samples, summed by function."""

import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from gaiectl.errors import GaieError

_SAMPLES_PER_SECOND = 500
_TOP = 20
# What runs below asyncio.run and above our callbacks.
_LOOP = "event loop and system calls"
_ROOT = f"{Path(__file__).parents[2]}/"


class Profiler:
    """Runs a load once more while py-spy looks on.

    Attributes:
        reports: what was seen so far, each with its title.
    """

    def __init__(self) -> None:
        self.reports: list[tuple[str, str]] = []

    def watch(self, title: str, pid: int, load: Callable[[], object]) -> None:
        """Sample the process for as long as the load runs.

        Raises:
            GaieError: py-spy is missing, or may not look into the process.
        """
        command = shutil.which("py-spy")
        if command is None:
            raise GaieError("--profile needs py-spy", hint="pip install py-spy")
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            samples = Path(folder) / "samples"
            spy = subprocess.Popen(
                [
                    *(command, "record", "--pid", str(pid), "--format", "raw"),
                    *("--rate", str(_SAMPLES_PER_SECOND), "-o", str(samples)),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            try:
                load()
            finally:
                spy.send_signal(2)
                said, _ = spy.communicate(timeout=60)
            if not samples.exists():
                raise GaieError(
                    "py-spy saw nothing", hint="it needs the right to trace (root)", detail=said
                )
            self.reports.append((title, top_functions(samples.read_text())))


def top_functions(text: str) -> str:
    """Return the functions with the greatest own share, each with its busiest line.

    Args:
        text: collapsed stacks: ``frame;frame;... count`` on each line, frames as
            ``function (file:line)``.
    """
    own: Counter[tuple[str, str]] = Counter()
    lines: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in text.splitlines():
        stack, _, count = row.rpartition(" ")
        function, _, place = stack.rpartition(";")[2].rpartition(" (")
        file, _, line = place.rstrip(")").rpartition(":")
        own[function, file] += int(count)
        lines[function, file][line] += int(count)
    total = sum(own.values())
    rows = []
    for (function, file), samples in own.most_common(_TOP):
        line = lines[function, file].most_common(1)[0][0]
        name = f"{function} ({file.removeprefix(_ROOT)}:{line})"
        rows.append(f"{samples / total:6.1%}  {_LOOP if function == 'Runner.run' else name}")
    return "\n".join(rows)
