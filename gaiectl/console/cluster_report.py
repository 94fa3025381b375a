"""Checks of a cluster and their results as text for stdout: at most 80 columns, words by signs."""

import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby

from gaiectl.checks.cluster.check import Check, Stage
from gaiectl.checks.cluster.report import Outcome, Report, Result
from gaiectl.checks.wording import counted
from gaiectl.console.program import as_called
from gaiectl.console.terminal import paint, symbol

_SYMBOLS = {Outcome.PASSED: "done", Outcome.FAILED: "failed", Outcome.WARNING: "warning"}
_WIDTH = 80
_INDENT = " " * 19
_WIDE = ("OK", "!!", "XX")
"""Signs of terminals that know ASCII only."""


def category(results: Sequence[Result]) -> str:
    """Return the results of a category; those skipped for one reason, one after the other, as one.

    Args:
        results: all of one category, at least one.
    """
    title = results[0].check.category
    lines = [f"{paint(title, 'bold', sys.stdout)}\n{'-' * len(title)}"]
    for (outcome, seen), group in groupby(results, key=lambda one: (one.outcome, one.seen)):
        same = list(group)
        if outcome is Outcome.SKIPPED and len(same) > 1:
            ids = f"{same[0].check.id} to {same[-1].check.id}"
            lines.append("\n".join([f"-  {outcome} {ids}", *_remark(seen), *_way_out(same[0])]))
        else:
            lines += [_one(result) for result in same]
    return "\n".join(lines)


def _one(result: Result) -> str:
    """Return one result: a sign, a word, its id, what was asserted; then what was seen."""
    check = result.check
    name = _SYMBOLS.get(result.outcome)
    sign = symbol(name, sys.stdout) if name else "-"
    sign += " " * (1 if any(wide in sign for wide in _WIDE) else 2)
    title = textwrap.wrap(check.title, _WIDTH - len(_INDENT))
    lines = [f"{sign}{result.outcome:<7} {check.id}  {title[0]}", *_indented(title[1:])]
    if result.outcome in (Outcome.FAILED, Outcome.WARNING):
        lines += [text for line in result.seen.splitlines() for text in _indented(_wrapped(line))]
    else:
        lines += _remark(result.seen)
    return "\n".join([*lines, *_way_out(result)])


def _remark(text: str) -> list[str]:
    return _indented([paint(line, "dim", sys.stdout) for line in _wrapped(text) if line])


def _way_out(result: Result) -> list[str]:
    """Return hint and commands, if there are any."""
    lines = []
    if result.hint:
        hint = _wrapped(f"hint: {as_called(result.hint)}")
        hint[0] = paint("hint:", "yellow", sys.stdout) + hint[0].removeprefix("hint:")
        lines += _indented(hint)
    for command in result.fix:
        lines += _indented(_command(as_called(command)))
    return lines


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
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


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
