"""``gaiectl local list``."""

import json

import typer

from gaiectl.cli.options import Output, OutputOption, examples
from gaiectl.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("list", epilog=examples("gaiectl local list"))(list_stacks)


def list_stacks(output: OutputOption = Output.TEXT) -> int:
    """Show all stacks of this machine that are yours."""
    from gaiectl.console import terminal
    from gaiectl.console.tables import table
    from gaiectl.local import stack

    reports = [one.status() for one in stack.find_all()]
    if output == Output.JSON:
        terminal.data(json.dumps([report.as_json() for report in reports], indent=2))
    elif not reports:
        terminal.say("no stack is running")
    else:
        rows = [(r.state.name, r.state.gateway_url, len(r.endpoints), r.condition) for r in reports]
        terminal.data(table(("name", "gateway", "endpoints", "state"), rows))
    return Exit.OK
