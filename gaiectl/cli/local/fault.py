"""``gaiectl local fault``."""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from gaiectl.cli.options import NameOption, examples, seconds
from gaiectl.errors import Exit, UsageError
from gaiectl.local import DEFAULT_NAME


class _ListsFaults(TyperCommand):
    """A command whose help ends with the faults; the simulator is loaded when they are shown."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from gaiectl.simulator.settings import FAULTS

        with formatter.section("Faults (those of the simulator)"):
            formatter.write_dl(list(FAULTS.items()))
        super().format_epilog(ctx, formatter)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "fault",
        cls=_ListsFaults,
        epilog=examples(
            "gaiectl local fault sim-0 stall --for 10s",
            "gaiectl local fault sim-0 stall --off",
            "gaiectl local fault sim-0 --off",
        ),
    )(fault)


def fault(
    endpoint: Annotated[
        str, typer.Argument(metavar="ENDPOINT", help="A simulator: sim-0, sim-1, ...")
    ],
    fault_name: Annotated[
        str, typer.Argument(metavar="FAULT", help="What goes wrong; one of those below.")
    ] = "",
    name: NameOption = DEFAULT_NAME,
    duration: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="How long; until --off by default.")
    ] = "",
    off: Annotated[
        bool, typer.Option("--off", help="End the fault; without FAULT all of them.")
    ] = False,
) -> int:
    """Break a simulator on purpose, and mend it."""
    from gaiectl.console import terminal
    from gaiectl.local import stack
    from gaiectl.local.stack import DEADLY_FAULT

    if off and duration:
        raise UsageError("--off ends a fault now, --for later", hint="leave out one or the other")
    if not (fault_name or off):
        raise UsageError(
            "no fault is named", hint="gaiectl local fault --help lists them; --off ends all"
        )
    one = stack.get(name)
    if off:
        one.mend(endpoint, fault_name)
        terminal.data(f"{endpoint}: {fault_name or 'every fault'} off")
        return Exit.OK
    one.fault(endpoint, fault_name, seconds=seconds(duration, "--for") if duration else None)
    if fault_name == DEADLY_FAULT:
        terminal.data(f"{endpoint} has ended; start it again: gaiectl local start {endpoint}")
    else:
        how_long = f"for {duration}" if duration else "until it is switched off"
        terminal.data(f"{endpoint}: {fault_name} {how_long}")
    return Exit.OK
