"""``gaiectl epp``: check configurations of the Endpoint Picker, and say what can stand in them.

``epp.config`` is imported inside the commands: ``--help`` must not wait for it.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli.options import Output, OutputOption, examples
from gaiectl.console import terminal
from gaiectl.errors import GaieError

if TYPE_CHECKING:
    from epp.config import Problem, TypeEntry

STDIN = "<stdin>"

app = typer.Typer(
    name="epp",
    help="Check Endpoint Picker configurations and look up what can stand in them.",
    short_help="Check Endpoint Picker configurations.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(
    epilog=examples("gaiectl epp validate config.yaml", "gaiectl epp validate - < config.yaml")
)
def validate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="EndpointPickerConfig, YAML or JSON; - is stdin."),
    ],
    output: OutputOption = Output.TEXT,
) -> None:
    """Check configurations, and name every problem with its place."""
    reports = [_report(name) for name in files]
    if output is Output.JSON:
        terminal.data(json.dumps({"files": reports}, indent=2))
    else:
        terminal.data("\n".join(line for report in reports for line in _lines(report)))
    broken = sum(not report["valid"] for report in reports)
    if broken:
        raise GaieError(
            f"{broken} of {len(reports)} configurations cannot be used",
            hint="correct what is listed and run the command again",
        )


@app.command(epilog=examples("gaiectl epp schema > epp.schema.json"))
def schema() -> None:
    """Print the JSON Schema of EndpointPickerConfig, for editors."""
    from epp.config import schema as make_schema

    terminal.data(json.dumps(make_schema(), indent=2))


@app.command(epilog=examples("gaiectl epp plugins", "gaiectl epp plugins -o json"))
def plugins(output: OutputOption = Output.TEXT) -> None:
    """List the plugin types with their parameters and defaults."""
    from epp.config import catalogue

    entries = catalogue()
    if output is Output.JSON:
        terminal.data(json.dumps({"plugins": [_as_json(entry) for entry in entries]}, indent=2))
    else:
        terminal.data("\n".join(line for entry in entries for line in _page(entry)))


def _report(name: str) -> dict[str, Any]:
    """Return what ``-o json`` prints for one file."""
    from epp.config import ConfigError, load, load_file

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    try:
        config = load(sys.stdin.read(), STDIN) if name == "-" else load_file(Path(name))
        warnings = config.warnings
    except ConfigError as error:
        problems = error.problems
    return {
        "file": STDIN if name == "-" else name,
        "valid": not problems,
        "problems": [_described(problem) for problem in problems],
        "warnings": [_described(warning) for warning in warnings],
    }


def _described(problem: "Problem") -> dict[str, Any]:
    return {
        "text": str(problem),
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
    }


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [str(problem["text"]) for problem in report["problems"]]
    lines += [f"{warning['text']} [warning]" for warning in report["warnings"]]
    return [*lines, f"{report['file']}: valid"] if report["valid"] else lines


def _as_json(entry: "TypeEntry") -> dict[str, Any]:
    parameters = [parameter._asdict() for parameter in entry.parameters]
    return {**entry._asdict(), "parameters": parameters}


def _page(entry: "TypeEntry") -> list[str]:
    """Return a type with its parameters, 80 columns wide."""
    lines = [f"{entry.type} ({entry.family}): {entry.summary}"]
    for parameter in entry.parameters:
        default = "required" if parameter.required else f"default {json.dumps(parameter.default)}"
        facts = ", ".join(fact for fact in (parameter.type, parameter.range, default) if fact)
        lines += [f"  {parameter.name}: {facts}", f"      {parameter.description}"]
    return lines
