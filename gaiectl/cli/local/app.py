"""The Typer group of ``gaiectl local``."""

import typer

from gaiectl.cli.local import down, fault, kill, list_, logs, scale, start, status, test, up
from gaiectl.cli.options import examples

app = typer.Typer(
    name="local",
    help="Run a gateway on this machine: Envoy, the endpoint picker and simulated model servers.",
    short_help="Run a gateway on this machine.",
    epilog=examples("gaiectl local up -d", "gaiectl local status", "gaiectl local down"),
    no_args_is_help=True,
    rich_markup_mode=None,
)
for verb in (up, status, list_, logs, scale, kill, start, fault, test, down):
    verb.register(app)
