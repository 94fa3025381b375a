"""``gaiectl local list``."""

import typer

from gaiectl.cli.options import Output, OutputOption, examples
from gaiectl.errors import Exit, GaieError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("list", epilog=examples("gaiectl local list"))(list_stacks)


def list_stacks(output: OutputOption = Output.TEXT) -> int:
    """Show all stacks of this machine that are yours."""
    from gaiectl.console import answers, errors, terminal
    from gaiectl.console.tables import table
    from gaiectl.local import stack

    reports, unreadable = [], []
    for one in stack.find_all():
        try:
            reports.append(one.status())
        except GaieError as error:
            unreadable.append(error)
    if output is not Output.TEXT:
        answers.show([report.as_json() for report in reports], as_yaml=output is Output.YAML)
    elif not reports and not unreadable:
        terminal.say("no stack is running")
    elif reports:
        rows = [(r.state.name, r.state.gateway_url, len(r.endpoints), r.condition) for r in reports]
        terminal.data(table(("name", "gateway", "endpoints", "state"), rows))
    for problem in unreadable:
        errors.show(problem)
    return Exit.FAILED if unreadable else Exit.OK
