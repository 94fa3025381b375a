"""``gaiectl local down``."""

from typing import Annotated

import typer

from gaiectl.cli.options import NameOption, examples, seconds
from gaiectl.errors import Exit
from gaiectl.local import DEFAULT_NAME


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("down", epilog=examples("gaiectl local down", "gaiectl local down --all"))(down)


def down(
    name: NameOption = DEFAULT_NAME,
    every: Annotated[bool, typer.Option("--all", help="Every stack.")] = False,
    drain: Annotated[
        str, typer.Option(metavar="DURATION", help="How long running requests may go on.")
    ] = "10s",
) -> int:
    """Stop a stack and delete its files, logs too, whatever state it is in."""
    from gaiectl.console import terminal
    from gaiectl.console.narration import Narration
    from gaiectl.local import stack

    span = seconds(drain)
    if every:
        ended = stack.take_all_down(Narration(), drain_seconds=span)
    else:
        ended = [name] if stack.at(name, Narration()).down(drain_seconds=span) else []
    for one in ended:
        terminal.data(f"stack {one!r} is down")
    if not ended:
        terminal.say("no stack is running" if every else f"no stack {name!r} is running")
    return Exit.OK
