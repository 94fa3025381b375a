"""``gaiectl local test``."""

import contextlib
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.options import examples
from gaiectl.errors import Exit, GaieError, UsageError
from gaiectl.local import DEFAULT_NAME, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gaiectl.checks.check import Check
    from gaiectl.checks.report import Report, Result
    from gaiectl.local.stack import Stack


class ReportForm(StrEnum):
    """Forms of the report."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "test",
        epilog=examples(
            "gaiectl local test",
            "gaiectl local test --check prefix-affinity --check spread",
            "gaiectl local test --check '!endpoint-dies' -o json",
            "gaiectl local test --junit-file report.xml",
        ),
    )(run_checks)


def run_checks(
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Which stack.  [default: default, or else a temporary one]"
        ),
    ] = "",
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A check to make; !ID leaves one out. Repeatable."),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="Only say which checks there are.")
    ] = False,
    junit_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit report there as well.")
    ] = None,
    output: Annotated[
        ReportForm, typer.Option("-o", "--output", help="Form of the report.")
    ] = ReportForm.TEXT,
) -> int:
    """Prove that a stack routes, balances and survives failures.

    Uses the running stack, or starts a temporary one if none runs. Some checks kill endpoints and
    start them again. Exit code 1 when a check failed.
    """
    from gaiectl.checks.catalog import ALL
    from gaiectl.checks.selection import select

    checks = select(ALL, check or ())
    if show_list:
        _list(checks, output)
        return Exit.OK
    if junit_file is not None and not junit_file.absolute().parent.is_dir():
        raise UsageError(
            f"--junit-file {junit_file}: there is no folder {junit_file.absolute().parent}",
            hint="make it, or name a file somewhere else",
        )
    heard = Interruptions()
    try:
        report = _run(name, checks, output, junit_file)
    except KeyboardInterrupt:
        return heard.code
    return Exit.OK if report.is_success else Exit.FAILED


def _list(checks: "Sequence[Check]", output: ReportForm) -> None:
    from gaiectl.console import check_report, terminal

    if output is ReportForm.JSON:
        known = [{"id": c.id, "title": c.title, "proves": c.proves} for c in checks]
        terminal.data(json.dumps(known, indent=2))
    else:
        terminal.data(check_report.listing(checks))


def _run(
    name: str, checks: "Sequence[Check]", output: ReportForm, junit_file: Path | None
) -> "Report":
    import asyncio

    from gaiectl.checks.report import not_started
    from gaiectl.console import check_report, terminal

    with contextlib.ExitStack() as leaving:
        try:
            one = leaving.enter_context(_stack(name, checks))
        except GaieError as error:
            _write(not_started(error), output, junit_file)
            raise
        report = asyncio.run(_make(one, checks, output))
    _write(report, output, junit_file)
    if output is ReportForm.TEXT:
        terminal.data("\n" + check_report.summary(report))
    return report


@contextlib.contextmanager
def _stack(name: str, checks: "Sequence[Check]") -> "Iterator[Stack]":
    from gaiectl.checks.stack import is_running, temporary
    from gaiectl.console import terminal
    from gaiectl.console.narration import Narration
    from gaiectl.local import stack

    found = stack.get(name) if name else stack.find(DEFAULT_NAME)
    if found is not None and is_running(found):
        for check in checks:
            if check.disturbs and found.is_simulated:
                terminal.say(f"{check.id} kills endpoints of it and starts them again")
        yield found
        return
    if name:
        raise GaieError(
            f"no part of stack {name!r} is alive", hint=f"gaiectl local up --name {name}"
        )
    terminal.say("no stack is running: starting a temporary one")
    with temporary(Narration()) as made:
        yield made


async def _make(one: "Stack", checks: "Sequence[Check]", output: ReportForm) -> "Report":
    from gaiectl.checks.report import Report
    from gaiectl.checks.runner import run
    from gaiectl.checks.stack import StackTarget
    from gaiectl.console import check_report, terminal

    target = StackTarget(one)
    terminal.say(f"checking stack {one.name!r} at {one.gateway_url}")
    results: list[Result] = []
    category = ""

    def begins(check: "Check") -> None:
        line = f"{len(results) + 1}/{len(checks)} {check.id}: {check.title}"
        if terminal.is_terminal():
            terminal.show_progress(line)
        elif output is not ReportForm.TEXT:  # where the results themselves show how far it is
            terminal.say(line)

    made_one = run(checks, target, begins=begins, stack_option=named(one.name))
    async with contextlib.aclosing(made_one) as made:
        async for result in made:
            if output is ReportForm.TEXT:
                if result.check.category != category:
                    category = result.check.category
                    terminal.data(("\n" if results else "") + check_report.heading(category))
                terminal.data(check_report.result_lines(result))
            results.append(result)
    return Report(one.gateway_url, results)


def _write(report: "Report", output: ReportForm, junit_file: Path | None) -> None:
    from gaiectl.checks.junit import junit
    from gaiectl.console import terminal

    suite = "gaiectl.local.test"
    if junit_file is not None:
        try:
            junit_file.write_text(junit(report, suite) + "\n", encoding="utf-8")
        except OSError as error:
            raise GaieError(
                f"the report cannot be written to {junit_file}: {error.strerror}",
                hint="name a file in a folder that exists and that you may write to",
            ) from error
    if output is ReportForm.JSON:
        terminal.data(json.dumps(report.as_json(), indent=2))
    elif output is ReportForm.JUNIT:
        terminal.data(junit(report, suite))
