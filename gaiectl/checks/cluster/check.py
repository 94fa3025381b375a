"""What a check of a cluster is, and how it ends other than well."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaiectl.checks.cluster.scene import Scene


class Finding(Exception):
    """What the check asserts is not so, or not certain. The message says what was seen.

    Args:
        message: one sentence, or one per line.
        hint: what to do here; the check's own if empty.
        fix: commands to paste; the check's own if empty.
    """

    def __init__(self, message: str, *, hint: str = "", fix: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.hint = hint
        self.fix = fix


class Failed(Finding):
    """It is not so; how bad that is, the check's severity says."""


class Doubtful(Finding):
    """It may do no harm: a warning, whatever the check's severity."""


class Skipped(Finding):
    """The check cannot be made here, or has nothing to look at."""


class Severity(StrEnum):
    """What it means when a check fails."""

    ERROR = "error"
    WARNING = "warning"


class Stage(StrEnum):
    """When a check has something to say."""

    PRE = "pre"
    POST = "post"


CATEGORIES = {
    "CLI": "Programs on this machine",
    "KUB": "Kubernetes API",
    "GWA": "Gateway API",
    "INF": "Inference APIs",
    "PRV": "Provider",
    "LWS": "LeaderWorkerSets",
    "MON": "Monitoring",
    "CAP": "Capacity",
    "SEC": "Secrets and images",
    "POL": "Pool",
    "RTE": "Route",
    "EPP": "Endpoint Picker",
    "DAT": "Data path",
    "CLN": "Leftovers",
}
"""Headings by the letters that ids begin with, in the order of the report."""

PRE = frozenset((Stage.PRE,))
POST = frozenset((Stage.POST,))
BOTH = PRE | POST


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold in a cluster.

    Attributes:
        id: stable: three letters of the category and a number.
        title: an assertion: "the API server answers".
        proves: what is certain when it passes.
        hint: what to do when it fails; ``{name}`` and ``{namespace}`` are the stack's.
        run: makes the check; returns the evidence in a few words; raises a ``Finding``.
        stages: when it is made.
        severity: what its failure means.
        fix: commands to paste, with the same braces as the hint.
        needs: ids of checks without which this one says nothing; they come before it.
    """

    id: str
    title: str
    proves: str
    hint: str
    run: "Callable[[Scene], str]"
    stages: frozenset[Stage] = BOTH
    severity: Severity = Severity.ERROR
    fix: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def category(self) -> str:
        """The heading it stands under."""
        return CATEGORIES[self.id[:3]]
