"""What came out of the checks of a cluster, and its published JSON shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gaiectl.checks.cluster.check import Check, Severity, Skipped, Stage
from gaiectl.checks.junit import Case
from gaiectl.errors import GaieError


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check that was made, or skipped.

    Attributes:
        check: which one.
        outcome: how it ended.
        seen: the evidence if it passed, what was seen instead if not, why if it was skipped.
        hint: what to do, if it did not pass.
        fix: commands to paste.
        seconds: how long it took.
    """

    check: Check
    outcome: Outcome
    seen: str = ""
    hint: str = ""
    fix: tuple[str, ...] = ()
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the result in its published shape; what does not apply is null."""
        is_bad = self.outcome in (Outcome.FAILED, Outcome.WARNING)
        return {
            "id": self.check.id,
            "category": self.check.category,
            "title": self.check.title,
            "proves": self.check.proves,
            "severity": str(self.check.severity),
            "result": str(self.outcome),
            "evidence": self.seen or None if self.outcome is Outcome.PASSED else None,
            "error": self.seen if is_bad else None,
            "reason": self.seen or None if self.outcome is Outcome.SKIPPED else None,
            "hint": self.hint or None,
            "fix": list(self.fix),
            "durationMs": round(self.seconds * 1000, 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All results, in the order of the catalog.

    Attributes:
        stage: before or after the installation.
        name: of the stack; empty when none is meant.
        namespace: of the stack.
        context: of the cluster.
        server: URL of the API server.
        results: one for each check.
        seconds: how long all of them took.
    """

    stage: Stage
    name: str
    namespace: str
    context: str
    server: str
    results: Sequence[Result]
    seconds: float

    @property
    def is_success(self) -> bool:
        """No check failed; warnings are no failures."""
        return not self.count(Outcome.FAILED)

    def count(self, outcome: Outcome) -> int:
        """Return how many checks ended so."""
        return sum(result.outcome is outcome for result in self.results)

    def as_json(self) -> dict[str, Any]:
        """Return the report in its published shape."""
        return {
            "apiVersion": "gaiectl/v1",
            "kind": "CheckReport",
            "success": self.is_success,
            "stage": str(self.stage),
            "stack": {"name": self.name or None, "namespace": self.namespace},
            "cluster": {"context": self.context, "server": self.server},
            "counts": {str(outcome): self.count(outcome) for outcome in Outcome},
            "checks": [result.as_json() for result in self.results],
        }

    def cases(self) -> list[Case]:
        """Return the results as JUnit knows them: warnings pass, with what was seen as output."""
        return [
            Case(
                category=result.check.category,
                name=f"{result.check.id}: {result.check.title}",
                seconds=result.seconds,
                failure=result.seen if result.outcome is Outcome.FAILED else "",
                hint="\n".join((result.hint, *result.fix)),
                skipped=result.seen if result.outcome is Outcome.SKIPPED else "",
                seen=f"warning: {result.seen}\nhint: {result.hint}"
                if result.outcome is Outcome.WARNING
                else result.seen
                if result.outcome is Outcome.PASSED
                else "",
            )
            for result in self.results
        ]


def failures(results: Sequence[Result]) -> list[Result]:
    """Return what keeps a stack from working."""
    return [
        result
        for result in results
        if result.outcome is Outcome.FAILED and result.check.severity is Severity.ERROR
    ]


def not_begun(error: GaieError, stage: Stage) -> Report:
    """Return the report of checks of which none could be made: one check, and it failed."""
    check = Check(
        id="KUB000",
        title="the checks can be made",
        proves="there is a cluster and a stack to look at",
        hint=error.hint,
        run=_never,
    )
    said = f"{error.message}\n{error.detail}".strip()
    result = Result(check=check, outcome=Outcome.FAILED, seen=said, hint=error.hint)
    return Report(
        stage=stage, name="", namespace="", context="", server="", results=[result], seconds=0.0
    )


def _never(_scene: object) -> str:
    raise Skipped("it is made by setting the scene")
