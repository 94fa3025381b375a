"""``gaiectl sim``: run a model server without a model.

The simulator owns its flags, so that ``python -m gaiectl.simulator`` has the same ones: everything
behind ``sim`` goes there untouched, ``--help`` included.
"""

from typing import Annotated

import typer

from gaiectl.errors import GaieError

_PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(rich_markup_mode=None)


@app.command("sim", context_settings=_PASS_ON, add_help_option=False)
def sim(
    flags: Annotated[list[str] | None, typer.Argument(metavar="[FLAG [VALUE]]...")] = None,
) -> None:
    """Run a simulated model server: vLLM's API, metrics, latencies and failures."""
    try:
        from gaiectl.simulator.process import run
    except ModuleNotFoundError as error:
        raise GaieError(
            f"the simulator needs the package {error.name}",
            hint="pip install 'gaiectl[local]'",
        ) from error
    raise typer.Exit(run(flags or []))
