"""``gaiectl local down``."""

from typing import Annotated

import typer

from gaiectl.cli.options import NameOption, examples, seconds
from gaiectl.errors import Exit, GaieError
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
    """Stop a stack and delete its files, whatever state it is in."""
    from gaiectl.console import errors, terminal
    from gaiectl.console.narration import Narration
    from gaiectl.local import stack

    span = seconds(drain, "--drain")
    found, code = False, Exit.OK
    for one in stack.everything(Narration()) if every else [stack.at(name, Narration())]:
        try:
            if one.down(drain_seconds=span):
                found = True
                terminal.data(f"stack {one.name!r} is down")
        except GaieError as error:  # one that cannot be read keeps no other one alive
            found, code = True, error.code
            errors.show(error)
    if not found:
        terminal.say("no stack is running" if every else f"no stack {name!r} is running")
    return code
