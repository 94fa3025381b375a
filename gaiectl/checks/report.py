"""What came out of a run, and its published JSON shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gaiectl.checks.check import Category, Check, Skipped
from gaiectl.errors import GaieError


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check that was made, or skipped.

    Attributes:
        check: which one.
        outcome: how it ended.
        evidence: what was seen, if it passed.
        error: what was seen instead, if it failed.
        reason: why it was not made, if it was skipped.
        hint: what to look at, if it failed.
        seconds: how long it took.
    """

    check: Check
    outcome: Outcome
    evidence: str = ""
    error: str = ""
    reason: str = ""
    hint: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the result in its published shape; what does not apply is null."""
        return {
            "id": self.check.id,
            "category": str(self.check.category),
            "title": self.check.title,
            "proves": self.check.proves,
            "result": str(self.outcome),
            "evidence": self.evidence or None,
            "error": self.error or None,
            "reason": self.reason or None,
            "hint": self.hint or None,
            "durationMs": round(self.seconds * 1000, 1),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All results, in the order in which the checks were made.

    Attributes:
        gateway_url: what was checked.
        results: one for each check.
    """

    gateway_url: str
    results: Sequence[Result]

    @property
    def is_success(self) -> bool:
        """Something was proved, and no check failed."""
        return bool(self.count(Outcome.PASSED)) and not self.count(Outcome.FAILED)

    @property
    def seconds(self) -> float:
        """How long all checks took."""
        return sum(result.seconds for result in self.results)

    def count(self, outcome: Outcome) -> int:
        """Return how many checks ended so."""
        return sum(result.outcome is outcome for result in self.results)

    def as_json(self) -> dict[str, Any]:
        """Return the report in its published shape."""
        return {
            "success": self.is_success,
            "gateway": {"url": self.gateway_url},
            "checks": [result.as_json() for result in self.results],
        }


def not_started(error: GaieError) -> Report:
    """Return the report of a run that had no stack to check: one check, and it failed.

    So a CI system that reads the report sees a failure, not an absence of failures.
    """
    check = Check(
        id="stack",
        category=Category.ANSWERS,
        title="the stack starts",
        proves="there is something to check",
        hint=error.hint,
        run=_never,
    )
    said = f"{error.message}\n{error.detail}".strip()
    return Report("", [Result(check=check, outcome=Outcome.FAILED, error=said, hint=error.hint)])


async def _never(_session: object) -> str:
    raise Skipped("it is made by starting the stack")
