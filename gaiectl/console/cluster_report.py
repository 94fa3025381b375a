"""Checks of a cluster and their results as text for stdout: at most 80 columns, words by signs."""

import sys
import textwrap
from collections.abc import Sequence

from gaiectl.checks.cluster.check import Check, Stage
from gaiectl.checks.cluster.report import Outcome, Report, Result
from gaiectl.checks.wording import counted
from gaiectl.console.terminal import paint, symbol

_SYMBOLS = {Outcome.PASSED: "done", Outcome.FAILED: "failed", Outcome.WARNING: "warning"}
_WIDTH = 80
_INDENT = " " * 19


def heading(category: str) -> str:
    """Return a category's heading."""
    return f"{paint(category, 'bold', sys.stdout)}\n{'-' * len(category)}"


def result_lines(result: Result) -> str:
    """Return one result: a sign, a word, its id, what was asserted; then what was seen."""
    check = result.check
    name = _SYMBOLS.get(result.outcome)
    sign = symbol(name, sys.stdout) if name else "-"
    sign += " " * (2 - (2 if name and sign.startswith(("OK", "!!", "XX")) else 1))
    title = textwrap.wrap(check.title, _WIDTH - len(_INDENT))
    lines = [f"{sign} {result.outcome:<7} {check.id}  {title[0]}", *_indented(title[1:])]
    is_bad = result.outcome in (Outcome.FAILED, Outcome.WARNING)
    for line in result.seen.splitlines():
        wrapped = _wrapped(line)
        lines += _indented(
            wrapped if is_bad else [paint(one, "dim", sys.stdout) for one in wrapped]
        )
    if result.hint:
        hint = _wrapped(f"hint: {result.hint}")
        hint[0] = paint("hint:", "yellow", sys.stdout) + hint[0].removeprefix("hint:")
        lines += _indented(hint)
    for command in result.fix:
        lines += _indented(_command(command))
    return "\n".join(lines)


def summary(report: Report) -> str:
    """Return the last line."""
    counts = [
        counted(report.count(outcome), "warning")
        if outcome is Outcome.WARNING
        else f"{report.count(outcome)} {outcome}"
        for outcome in Outcome
        if report.count(outcome)
    ]
    name = "done" if report.is_success else "failed"
    return f"{symbol(name, sys.stdout)} {', '.join(counts)} in {report.seconds:.1f} s"


def listing(checks: Sequence[Check]) -> str:
    """Return what there is to check: ids, when, titles and what each proves."""
    blocks = []
    for check in checks:
        when = " and ".join(f"--{stage}" for stage in Stage if stage in check.stages)
        proves = _wrapped(f"proves: {check.proves} ({check.severity}, {when})", 8)
        blocks.append("\n".join([f"{check.id}  {check.title}", *(" " * 8 + one for one in proves)]))
    return "\n".join(blocks)


def _wrapped(text: str, indent: int = len(_INDENT)) -> list[str]:
    width = _WIDTH - indent
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]


def _indented(lines: Sequence[str]) -> list[str]:
    return [_INDENT + line for line in lines]


def _command(text: str) -> list[str]:
    """Return a command in lines that a shell takes for one."""
    lines = textwrap.wrap(
        f"$ {text}",
        _WIDTH - len(_INDENT) - 2,
        subsequent_indent="    ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]
