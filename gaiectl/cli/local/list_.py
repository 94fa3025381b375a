"""``gaiectl local list``."""

import json

import typer

from gaiectl.cli.options import Output, OutputOption, examples
from gaiectl.errors import Exit, GaieError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("list", epilog=examples("gaiectl local list"))(list_stacks)


def list_stacks(output: OutputOption = Output.TEXT) -> int:
    """Show all stacks of this machine that are yours."""
    from gaiectl.console import errors, terminal
    from gaiectl.console.tables import table
    from gaiectl.local import stack

    reports, unreadable = [], []
    for one in stack.find_all():
        try:
            reports.append(one.status())
        except GaieError as error:
            unreadable.append(error)
    if output == Output.JSON:
        terminal.data(json.dumps([report.as_json() for report in reports], indent=2))
    elif not reports and not unreadable:
        terminal.say("no stack is running")
    elif reports:
        rows = [(r.state.name, r.state.gateway_url, len(r.endpoints), r.condition) for r in reports]
        terminal.data(table(("name", "gateway", "endpoints", "state"), rows))
    for problem in unreadable:
        errors.show(problem)
    return Exit.FAILED if unreadable else Exit.OK
