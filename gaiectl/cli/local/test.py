"""``gaiectl local test``."""

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli import perf_runs
from gaiectl.cli.check_runs import Asked, ReportForm, show_each, takes_checks
from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.options import examples, seconds
from gaiectl.cli.perf_options import Perf, takes_perf
from gaiectl.errors import Exit, GaieError
from gaiectl.local import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gaiectl.checks.check import Check
    from gaiectl.checks.perf.load import Load
    from gaiectl.checks.report import Report
    from gaiectl.local.stack import Stack

_SUITE = "gaiectl.local.test"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "test",
        epilog=examples(
            "gaiectl local test",
            "gaiectl local test --check prefix-affinity --check spread",
            "gaiectl local test --check '!endpoint-dies' -o json",
            "gaiectl local test --junit-file report.xml",
            "gaiectl local test --perf --perf-concurrency 1,4,16 --perf-plot local.svg",
        ),
    )(run_checks)


@takes_perf
@takes_checks
def run_checks(
    perf: Perf,
    asked: Asked,
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Which stack.  [default: default, or else a temporary one]"
        ),
    ] = "",
    timeout: Annotated[str, typer.Option(metavar="10m", help="How long --perf may take.")] = "10m",
) -> int:
    """Prove that a stack routes, balances and survives failures.

    Uses the running stack, or starts a temporary one if none runs. Some checks kill endpoints and
    start them again. Exit code 1 when a check failed.

    --perf measures instead: times to the first token, between tokens and to the end, and
    throughput, while more and more requests are under way.
    """
    if perf.compared:
        return perf_runs.compare(perf.compared, asked.output)
    from gaiectl.checks.catalog import ALL

    checks = asked.checks(ALL)
    if checks is None:
        return Exit.OK
    load, limit = perf.load({"--check": asked.named}), seconds(timeout)
    heard = Interruptions()
    try:
        if load is not None:
            return _measure(name, perf, load, asked, heard, limit=limit)
        report = _run(name, checks, asked)
    except KeyboardInterrupt:
        return heard.code
    return Exit.OK if report.is_success else Exit.FAILED


def _measure(
    name: str, perf: Perf, load: "Load", asked: Asked, heard: Interruptions, *, limit: float
) -> int:
    from gaiectl.checks.stack import StackTarget
    from gaiectl.console import terminal

    with _stack(name, ()) as one:
        terminal.say(f"measuring stack {one.name!r} at {one.gateway_url}")
        about = {"name": one.name}
        target = StackTarget(one)
        return perf_runs.measure(perf, load, target, asked, heard, about=about, limit=limit)


def _run(name: str, checks: "Sequence[Check]", asked: Asked) -> "Report":
    import asyncio

    from gaiectl.checks.report import not_started
    from gaiectl.console import check_report, terminal

    with contextlib.ExitStack() as leaving:
        try:
            one = leaving.enter_context(_stack(name, checks))
        except GaieError as error:
            asked.write(not_started(error), suite=_SUITE)
            raise
        report = asyncio.run(_make(one, checks, asked.output))
    asked.write(report, suite=_SUITE)
    if asked.output is ReportForm.TEXT:
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
    from gaiectl.checks.stack import StackTarget, places
    from gaiectl.console import terminal

    terminal.say(f"checking stack {one.name!r} at {one.gateway_url}")
    results = await show_each(
        lambda begins: run(checks, StackTarget(one), begins=begins, places=places(one.name)),
        len(checks),
        output,
    )
    return Report(one.gateway_url, results)
