"""Making checks of a gateway and telling what came out: what the verbs ``test`` have in common."""

import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli import completion
from gaiectl.cli.shared_options import Command, shares
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


def _options(
    check: Annotated[
        list[str] | None,
        typer.Option(
            "--check",
            metavar="ID",
            help="A check to make; !ID leaves one out. Repeatable.",
            autocompletion=completion.checks,
        ),
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
) -> None:
    """Hold the options; never called."""


class Asked:
    """What the options say.

    Args:
        given: values of the options by their parameter names.

    Attributes:
        named: the checks that were named, as they were.
        output: the form of the report.
        junit_file: where to write it for a CI system as well.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self.named: list[str] | None = given["check"]
        self.output: ReportForm = given["output"]
        self.junit_file: Path | None = given["junit_file"]
        self._shows_list: bool = given["show_list"]

    def checks(self, known: "Sequence[Check]") -> "Sequence[Check] | None":
        """Return those to make, after making sure that a report can be written in the end.

        None if they are only to be listed, which is done.

        Args:
            known: all that there are.

        Raises:
            UsageError: there is no such check, or no folder for the report.
        """
        from gaiectl.checks.selection import select
        from gaiectl.console import check_report, terminal

        checks = select(known, self.named or ())
        if self._shows_list:
            if self.output is ReportForm.JSON:
                listed = [{"id": c.id, "title": c.title, "proves": c.proves} for c in checks]
                terminal.data(json.dumps(listed, indent=2))
            else:
                terminal.data(check_report.listing(checks))
            return None
        file = self.junit_file
        if file is not None and not file.absolute().parent.is_dir():
            raise UsageError(
                f"--junit-file {file}: there is no folder {file.absolute().parent}",
                hint="make it, or name a file somewhere else",
            )
        return checks

    def write(
        self, report: "Report", *, suite: str, about: Mapping[str, Any] | None = None
    ) -> None:
        """Write a report for programs; one for people has been shown already.

        Args:
            report: what came out.
            suite: what it calls the whole.
            about: comes first in JSON.

        Raises:
            GaieError: it cannot be written.
        """
        from gaiectl.checks.junit import junit

        self.put(junit(report, suite), {**(about or {}), **report.as_json()})

    def put(self, suite: str, told: Mapping[str, Any]) -> bool:
        """Write a report in the forms for programs; tell whether stdout has it.

        Args:
            suite: as JUnit.
            told: as JSON.

        Raises:
            GaieError: it cannot be written.
        """
        from gaiectl.console import terminal

        if self.junit_file is not None:
            keep("the report", f"{suite}\n", self.junit_file)
        if self.output is ReportForm.JSON:
            terminal.data(json.dumps(told, indent=2))
        elif self.output is ReportForm.JUNIT:
            terminal.data(suite)
        return self.output is not ReportForm.TEXT


def takes_checks(command: Command) -> Command:
    """Give a command the options of checks; it gets them as its argument ``asked``."""
    return shares(_options, "asked", Asked)(command)


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
