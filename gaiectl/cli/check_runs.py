"""Making checks of a gateway and telling what came out: what the verbs ``test`` have in common."""

import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.errors import GaieError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gaiectl.checks.check import Check
    from gaiectl.checks.report import Report, Result


class ReportForm(StrEnum):
    """Forms of the report."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


CheckOption = Annotated[
    list[str] | None,
    typer.Option("--check", metavar="ID", help="A check to make; !ID leaves one out. Repeatable."),
]
ListOption = Annotated[bool, typer.Option("--list", help="Only say which checks there are.")]
JunitFileOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a JUnit report there as well.")
]
FormOption = Annotated[ReportForm, typer.Option("-o", "--output", help="Form of the report.")]


def show_list(checks: "Sequence[Check]", output: ReportForm) -> None:
    """Say which checks there are."""
    from gaiectl.console import check_report, terminal

    if output is ReportForm.JSON:
        known = [{"id": c.id, "title": c.title, "proves": c.proves} for c in checks]
        terminal.data(json.dumps(known, indent=2))
    else:
        terminal.data(check_report.listing(checks))


def require_folder(junit_file: Path | None) -> None:
    """Make sure that a report can be written there in the end.

    Raises:
        UsageError: there is no such folder.
    """
    if junit_file is not None and not junit_file.absolute().parent.is_dir():
        raise UsageError(
            f"--junit-file {junit_file}: there is no folder {junit_file.absolute().parent}",
            hint="make it, or name a file somewhere else",
        )


async def show_each(
    start: "Callable[[Callable[[Check], object]], AsyncGenerator[Result, None]]",
    count: int,
    output: ReportForm,
) -> "list[Result]":
    """Make checks; show each result as it comes, and return all.

    Args:
        start: starts the run; is given what it has to call with each check before that is made.
        count: how many there are to make.
        output: text is shown while it goes on, other forms by ``write``.
    """
    from gaiectl.console import check_report, terminal

    results: list[Result] = []
    category = ""

    def begins(check: "Check") -> None:
        line = f"{len(results) + 1}/{count} {check.id}: {check.title}"
        if terminal.is_terminal():
            terminal.show_progress(line)
        elif output is not ReportForm.TEXT:  # where the results themselves show how far it is
            terminal.say(line)

    async with contextlib.aclosing(start(begins)) as made:
        async for result in made:
            if output is ReportForm.TEXT:
                if result.check.category != category:
                    category = result.check.category
                    terminal.data(("\n" if results else "") + check_report.heading(category))
                terminal.data(check_report.result_lines(result))
            results.append(result)
    return results


def write(
    report: "Report",
    output: ReportForm,
    junit_file: Path | None,
    *,
    suite: str,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a report for programs; one for people has been shown already.

    Args:
        report: what came out.
        output: its form.
        junit_file: where to write it for a CI system as well.
        suite: what it calls the whole.
        about: comes first in JSON.

    Raises:
        GaieError: it cannot be written.
    """
    from gaiectl.checks.junit import junit
    from gaiectl.console import terminal

    if junit_file is not None:
        keep("the report", junit(report, suite) + "\n", junit_file)
    if output is ReportForm.JSON:
        terminal.data(json.dumps({**(about or {}), **report.as_json()}, indent=2))
    elif output is ReportForm.JUNIT:
        terminal.data(junit(report, suite))


def keep(what: str, text: str, file: Path) -> None:
    """Write a file that the user asked for.

    Raises:
        GaieError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GaieError(
            f"{what} cannot be written to {file}: {error.strerror}",
            hint="name a file in a folder that exists and that you may write to",
        ) from error
