"""``gaiectl charts``: the charts alone, for those who use Helm or GitOps without gaiectl."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gaiectl.cli.options import HelmOption, Output, OutputOption, examples
from gaiectl.console import answers, terminal

app = typer.Typer(
    name="charts",
    help="Look at gaiectl's charts, and take them to Helm or a GitOps repository.",
    short_help="Look at the charts, and take them elsewhere.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Charts = Annotated[
    list[str] | None,
    typer.Argument(metavar="[CHART]...", help="Which charts; all when none is named."),
]


@app.command("list", epilog=examples("gaiectl charts list"))
def list_charts(output: OutputOption = Output.TEXT) -> None:
    """Show the charts and what each is for."""
    from gaiectl.console.tables import table
    from gaiectl.operations import charts

    found = charts.describe()
    if output is not Output.TEXT:
        answers.show({"charts": [asdict(chart) for chart in found]}, as_yaml=output is Output.YAML)
    else:
        rows = [(chart.name, chart.version, chart.description) for chart in found]
        terminal.data(table(("name", "version", "description"), rows, shrinks=(2,)))


@app.command(
    epilog=examples(
        "gaiectl charts values standalone",
        "gaiectl charts values standalone > values.yaml",
    )
)
def values(chart: Annotated[str, typer.Argument(metavar="CHART", help="Which chart.")]) -> None:
    """Print a chart's values with their defaults, and what each is for."""
    from gaiectl.operations import charts

    text = charts.values(chart)
    if text:
        terminal.data(text.rstrip("\n"))
    else:
        terminal.say(f"the chart {chart} has no values")


@app.command(
    epilog=examples(
        "gaiectl charts export charts",
        "gaiectl charts export charts standalone && helm install my-pool charts/standalone",
    )
)
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made when it is missing.")],
    names: _Charts = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace charts that are not as gaiectl wrote them.")
    ] = False,
) -> None:
    """Write complete charts to a folder, ready for helm install."""
    from gaiectl.operations import charts

    for path in charts.export(folder, names or (), force=force):
        terminal.data(str(path))


@app.command(
    short_help="Write charts as archives.",
    epilog=examples(
        "gaiectl charts package --output-dir dist",
        "gaiectl charts package standalone",
    ),
)
def package(
    names: _Charts = None,
    folder: Annotated[
        Path, typer.Option("--output-dir", metavar="DIR", help="Made when it is missing.")
    ] = Path(),
    helm: HelmOption = None,
) -> None:
    """Write charts as archives, for a chart repository or an OCI registry."""
    from gaiectl.helm.binary import find
    from gaiectl.operations import charts

    for path in charts.package(folder, find(helm), names or ()):
        terminal.data(str(path))
