"""Runs the commands of engines and cluster tools; what they say is passed on line by line."""

import re
import subprocess
from collections import deque
from collections.abc import Callable, Sequence

from gaiectl.containers.hints import Hints
from gaiectl.containers.hints import hint as known
from gaiectl.errors import GaieError

Tell = Callable[[str], object]
"""Gets each line that a command says."""

_KEPT_LINES = 15
_LONGEST_LINE = 2000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run(command: Sequence[str], tell: Tell, *, doing: str, hints: Hints, hint: str = "") -> None:
    """Run a command to its end.

    Args:
        command: program and arguments.
        tell: is told what it says.
        doing: for the error: what failed, as in "podman could not BUILD THE IMAGE".
        hints: what to do for reasons that are known.
        hint: what to do for another reason.

    Raises:
        GaieError: it is not in PATH, or it failed; its last lines are the detail.
    """
    program = command[0]
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        process = subprocess.Popen(  # noqa: S603 - the command was composed by us
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise GaieError(
            f"{program} is not in PATH", hint=f"install {program}, or choose another way"
        ) from None
    with process:
        assert process.stdout is not None
        try:
            while line := process.stdout.readline(_LONGEST_LINE):
                text = _ESCAPES.sub("", line).rstrip()
                if text:
                    last.append(text)
                    tell(text)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise GaieError(
            f"{program} could not {doing} (exit code {process.returncode})",
            hint=known(hints, "\n".join(last)) or hint or "see what it says above",
            detail="\n".join(last),
        )
