"""``gaiectl sim``: run a model server without a model.

The simulator owns its flags, so that ``python -m gaiectl.simulator`` has the same ones: everything
behind ``sim`` goes there untouched, ``--help`` included.
"""

import os
import sys
from typing import Annotated

import typer

_PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(rich_markup_mode=None)


@app.command("sim", context_settings=_PASS_ON, add_help_option=False)
def sim(
    flags: Annotated[list[str] | None, typer.Argument(metavar="[FLAG [VALUE]]...")] = None,
) -> None:
    """Run a simulated model server: vLLM's API, metrics and failures."""
    # The same process, without what only the command line needed: many of them run side by side.
    # -P keeps modules of the working directory out, as a console script does.
    command = [sys.executable, "-P", "-m", "gaiectl.simulator", *(flags or [])]
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, no shell
