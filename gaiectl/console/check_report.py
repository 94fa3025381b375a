"""Checks and their results as text for stdout."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

from gaiectl.checks.check import Check
from gaiectl.checks.report import Outcome, Report, Result
from gaiectl.console.program import as_called
from gaiectl.console.terminal import is_terminal, paint, symbol

_SYMBOLS = {Outcome.PASSED: "done", Outcome.FAILED: "failed", Outcome.SKIPPED: "warning"}
_INDENT = "    "


def heading(category: str) -> str:
    """Return a category's heading."""
    return f"{paint(category, 'bold', sys.stdout)}\n{'-' * len(category)}"


def result_lines(result: Result) -> str:
    """Return one result: a sign and a word, what was asserted, then what was seen."""
    check = result.check
    first = f"{symbol(_SYMBOLS[result.outcome], sys.stdout)} {result.outcome:<7} {check.title}"
    if result.outcome is Outcome.FAILED:
        lines = [f"{first} ({check.id})", *result.error.splitlines()]
        lines.append(f"{paint('hint:', 'yellow', sys.stdout)} {as_called(result.hint)}")
        return f"\n{_INDENT}".join(lines)
    seen = result.evidence or result.reason
    return f"{first}\n{_quiet(seen)}" if seen else first


def summary(report: Report) -> str:
    """Return the last line."""
    counts = [f"{report.count(outcome)} {outcome}" for outcome in Outcome if report.count(outcome)]
    name = "done" if report.is_success else "failed"
    is_vain = not report.count(Outcome.PASSED) and not report.count(Outcome.FAILED)
    vain = ": nothing was proved" if is_vain else ""
    return f"{symbol(name, sys.stdout)} {', '.join(counts)} in {report.seconds:.1f} s{vain}"


def listing(checks: Sequence[Check]) -> str:
    """Return what there is to check: ids, titles and what each proves."""
    blocks = []
    for check in checks:
        mark = " (kills endpoints and starts them again)" if check.disturbs else ""
        blocks.append(f"{check.id}: {check.title}\n{_quiet(f'proves: {check.proves}{mark}')}")
    return "\n".join(blocks)


def _quiet(text: str) -> str:
    """Indent a remark; a terminal gets it in lines that fit, all else in one line."""
    width = shutil.get_terminal_size().columns - len(_INDENT) if is_terminal(sys.stdout) else 0
    lines = textwrap.wrap(text, max(width, 20), break_on_hyphens=False) if width else [text]
    return "\n".join(_INDENT + paint(line, "dim", sys.stdout) for line in lines)
