"""Runs the commands of engines and cluster tools; what they say is passed on line by line."""

import re
import subprocess
from collections import deque
from collections.abc import Callable, Sequence

from gaiectl.errors import GaieError

Tell = Callable[[str], object]
"""Gets each line that a command says."""

_KEPT_LINES = 15
_LONGEST_LINE = 2000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_HINTS = {
    "start docker, or choose another engine: --engine podman": (
        *("cannot connect to the docker daemon", "is the docker daemon running"),
    ),
    "name a --build-image with a C compiler and Python's headers, or do without: --no-compile": (
        *("no c compiler", r"command '\S*(cc|clang)\S*' failed", r"python\.h: no such file"),
    ),
    "name a --build-image with the base image's Python, its venv and ensurepip": (
        *("no module named '?(venv|ensurepip)", "ensurepip is not available", "python3: not found"),
    ),
    "choose a --base-image with the build image's Python at the same path, and glibc": (
        *("cannot open shared object file", r"/opt/gaiectl/bin/python\S*: no such file"),
        *(r"importerror: .*\.so", "exec format error"),
    ),
    "see that the package index is reached and has these versions for the image's Python; "
    "-- --build-arg PIP_INDEX_URL=URL names another index": (
        *("do not match the hashes", "no matching distribution", "could not find a version"),
    ),
    "see how the image is called, and log in to its registry": (
        *("manifest unknown", "no such image", "requested access to the resource is denied"),
        *("name unknown", "image not known", "not found in local", "does not resolve"),
    ),
    "this is not reached from here; --base-image and --build-image name images that you have": (
        *("no such host", "dial tcp", "connection refused", "i/o timeout", "error pinging"),
        *("temporary failure in name", "tls: ", "x509"),
    ),
    "make room where the engine keeps its images": ("no space left",),
    "see that you may use this engine": ("permission denied", "operation not permitted"),
}
"""What to do, and patterns of what engines and pip say then; the first one that is found counts."""


def run(command: Sequence[str], tell: Tell, *, doing: str, hint: str = "") -> None:
    """Run a command to its end.

    Args:
        command: program and arguments.
        tell: is told what it says.
        doing: for the error: what failed, as in "podman could not BUILD THE IMAGE".
        hint: what to do when it fails for a reason that is not known here.

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
            hint=_hint("\n".join(last)) or hint or "see what it says above",
            detail="\n".join(last),
        )


def _hint(said: str) -> str:
    """Return what to do about the last lines of a failed command; empty when nothing is known."""
    for hint, signs in _HINTS.items():
        if any(re.search(sign, said, re.IGNORECASE) for sign in signs):
            return hint
    return ""
