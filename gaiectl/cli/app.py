"""The Typer application, its global behaviour and the one error boundary."""

import sys

import typer

from gaiectl.errors import Exit, GaieError

app = typer.Typer(
    name="gaiectl",
    help="Put an inference gateway in front of LLM servers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root() -> None:
    """Put an inference gateway in front of LLM servers."""


def run() -> int:
    """Run the command line; return the exit code. No traceback reaches the user."""
    try:
        app(standalone_mode=True)
    except GaieError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return error.code
    return Exit.OK
