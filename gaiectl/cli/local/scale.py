"""``gaiectl local scale``."""

from typing import Annotated

import typer

from gaiectl.cli.options import NameOption, examples
from gaiectl.errors import Exit
from gaiectl.local import DEFAULT_NAME


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("scale", epilog=examples("gaiectl local scale 5"))(scale)


def scale(
    replicas: Annotated[
        int, typer.Argument(metavar="N", min=0, max=100, help="How many simulators.")
    ],
    name: NameOption = DEFAULT_NAME,
) -> int:
    """Start or stop simulators until there are this many. No request fails meanwhile."""
    from gaiectl.console import terminal
    from gaiectl.console.narration import Narration
    from gaiectl.local import stack

    one = stack.get(name, Narration())
    one.scale(replicas)
    terminal.data(f"stack {name!r} has {replicas} simulator{'' if replicas == 1 else 's'}")
    return Exit.OK
