"""``gaiectl local down``."""

from typing import Annotated

import typer

from gaiectl.cli.options import DEFAULT_NAME, NameOption, examples, seconds
from gaiectl.errors import Exit


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

    found = stack.find_all() if every else [one for one in (stack.find(name),) if one]
    if not found:
        terminal.say("no stack is running" if every else f"no stack {name!r} is running")
    for one in found:
        stack.Stack(one.place, Narration()).down(drain_seconds=seconds(drain))
        terminal.data(f"stack {one.name!r} is down")
    return Exit.OK
