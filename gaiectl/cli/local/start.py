"""``gaiectl local start``."""

from typing import Annotated

import typer

from gaiectl.cli.options import NameOption, examples, seconds
from gaiectl.errors import Exit
from gaiectl.local import DEFAULT_NAME


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("start", epilog=examples("gaiectl local start sim-1"))(start)


def start(
    part: Annotated[str, typer.Argument(metavar="PART", help="envoy, epp, sim-0, ...")],
    name: NameOption = DEFAULT_NAME,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long the start may take.")
    ] = "60s",
) -> int:
    """Start a part again that has ended, on the same ports."""
    from gaiectl.console import terminal
    from gaiectl.local import stack

    was_dead = stack.get(name).start(part, timeout_seconds=seconds(timeout))
    terminal.data(f"{part} {'started' if was_dead else 'is running'}")
    return Exit.OK
