"""``gaiectl local kill``."""

from typing import Annotated

import typer

from gaiectl.cli.options import NameOption, examples
from gaiectl.errors import Exit
from gaiectl.local import DEFAULT_NAME


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("kill", epilog=examples("gaiectl local kill sim-1", "gaiectl local kill epp"))(kill)


def kill(
    part: Annotated[str, typer.Argument(metavar="PART", help="envoy, epp, sim-0, ...")],
    name: NameOption = DEFAULT_NAME,
) -> int:
    """Kill a part at once (SIGKILL), to see what a crash does."""
    from gaiectl.console import terminal
    from gaiectl.local import stack

    was_alive = stack.get(name).kill(part)
    terminal.data(f"{part} {'killed' if was_alive else 'was dead already'}")
    return Exit.OK
