"""Errors that say what to do next, shown in one place: the boundary in ``gaiectl.cli.app``."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    TIMED_OUT = 3
    REFUSED = 4
    BUG = 70
    INTERRUPTED = 130


class GaieError(Exception):
    """Something the user can act on.

    Attributes:
        message: what failed, with names and values.
        hint: what to do next: an imperative sentence or a command to paste.
        detail: lines that help to understand it (a tool's own message, last log lines).
        code: exit code of the command.
    """

    code = Exit.FAILED

    def __init__(self, message: str, *, hint: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


class UsageError(GaieError):
    """The command line makes no sense."""

    code = Exit.USAGE


class TimedOut(GaieError):
    """Waited long enough."""

    code = Exit.TIMED_OUT


class Refused(GaieError):
    """Not done for safety; the hint names what allows it."""

    code = Exit.REFUSED
