"""What a check is, and the two ways in which it ends early."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gaiectl.checks.session import Session


class Failed(Exception):
    """What the check asserts is not so. The message says what was seen instead."""


class Skipped(Exception):
    """The check cannot be made here. The message says why."""


class Category(StrEnum):
    """Under which heading a check is shown."""

    ANSWERS = "Answers"
    ROUTING = "Routing"
    ERRORS = "Errors"
    FAILURES = "Failures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing a user can rely on.

    Attributes:
        id: stable name, for ``--check`` and for reports.
        category: the heading it stands under.
        title: an assertion: "a completion comes back".
        proves: what is certain when it passes.
        hint: what to look at when it fails; ``{status}``, ``{epp log}``, ``{gateway log}`` and
            ``{metrics}`` become what shows these of the stack at hand.
        run: makes the check; returns the evidence in a few words; raises Failed or Skipped.
        needs: ids of checks without which this one says nothing.
        disturbs: it breaks parts of the stack; what does not mend itself, it mends.
        timeout_seconds: after that long it has failed.
    """

    id: str
    category: Category
    title: str
    proves: str
    hint: str
    run: "Callable[[Session], Awaitable[str]]"
    needs: tuple[str, ...] = ()
    disturbs: bool = False
    timeout_seconds: float = 300.0
