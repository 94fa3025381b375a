"""``gaiectl local logs``."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli.options import NameOption, examples
from gaiectl.errors import Exit
from gaiectl.local import DEFAULT_NAME

if TYPE_CHECKING:
    from gaiectl.local.tail import Tail


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("logs", epilog=examples("gaiectl local logs", "gaiectl local logs epp -f"))(logs)


def logs(
    part: Annotated[
        str, typer.Argument(metavar="PART", help="envoy, epp, sim-0, ...; all by default.")
    ] = "",
    name: NameOption = DEFAULT_NAME,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with what is written from now on.")
    ] = False,
    lines: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many lines of each part.")
    ] = 200,
) -> int:
    """Show what the parts have written."""
    from gaiectl.local import stack
    from gaiectl.local.tail import Tail

    one = stack.get(name)
    wanted = [part] if part else one.parts
    tails = {wanted_part: Tail(one.log(wanted_part), lines) for wanted_part in wanted}
    _show(tails)
    while follow and one.place.state.exists():
        time.sleep(0.2)
        _show(tails)
    return Exit.OK


def _show(tails: "dict[str, Tail]") -> None:
    from gaiectl.console import terminal

    for part, tail in tails.items():
        for line in tail.new_lines():
            terminal.data(line if len(tails) == 1 else f"{part}: {line}")
