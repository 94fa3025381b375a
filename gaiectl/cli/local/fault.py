"""``gaiectl local fault``."""

from typing import Annotated

import typer

from gaiectl.cli.options import NameOption, examples, seconds
from gaiectl.errors import Exit
from gaiectl.local import DEFAULT_NAME


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "fault",
        epilog=examples(
            "gaiectl local fault sim-0 stall --for 10s",
            "gaiectl local fault sim-0 exit",
        ),
    )(fault)


def fault(
    endpoint: Annotated[str, typer.Argument(help="A simulator: sim-0, sim-1, ...")],
    fault_name: Annotated[str, typer.Argument(metavar="NAME", help="What goes wrong.")],
    name: NameOption = DEFAULT_NAME,
    duration: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="How long; for good by default.")
    ] = "",
) -> int:
    """Break a simulator on purpose; what it can do is listed when the name is wrong."""
    from gaiectl.console import terminal
    from gaiectl.local import stack

    span = seconds(duration) if duration else None
    stack.get(name).fault(endpoint, fault_name, seconds=span)
    terminal.data(f"{endpoint}: {fault_name} {f'for {duration}' if duration else 'for good'}")
    return Exit.OK
