"""Option types that several commands share, and the form of help texts."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gaiectl.errors import UsageError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_TERM = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


class Output(StrEnum):
    """Forms of an answer: those of kubectl, and those that reports have elsewhere."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"
    DIR = "dir"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"


def output(*forms: Output, what: str = "the answer") -> Any:
    """Return the option ``-o`` of a verb whose answer has these forms; any other is refused."""

    def chosen(text: str) -> Output:
        if text not in forms:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(forms)}")
        return Output(text)

    def offered() -> list[str]:
        return list(forms)

    return typer.Option(
        *("-o", "--output"),
        metavar="|".join(forms),
        help=f"Form of {what}.",
        parser=chosen,
        autocompletion=offered,
    )


class DryRun(StrEnum):
    """How much of a change only to try."""

    NONE = "none"
    CLIENT = "client"
    SERVER = "server"


OutputOption = Annotated[Output, output(Output.TEXT, Output.JSON, Output.YAML)]
HeadersOption = Annotated[bool, typer.Option("--no-headers", help="Leave the table's head out.")]
DryRunOption = Annotated[
    DryRun,
    typer.Option(
        "--dry-run",
        metavar="[=none|client|server]",
        help="Only show what would be done; with =server let the server try it too.",
        show_default=False,
    ),
]
HelmOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="GAIECTL_HELM", show_envvar=False, help="The helm to use."),
]
NameOption = Annotated[str, typer.Option("--name", metavar="NAME", help="Which stack.")]


def examples(*lines: str) -> str:
    r"""Return the end of a help text: commands to paste, kept as they are (``\b``)."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def seconds(text: str, option: str = "--timeout") -> float:
    """Return a duration like ``10s``, ``1m30s`` or ``500ms`` in seconds.

    Raises:
        UsageError: it is none.
    """
    if not _DURATION.fullmatch(text):
        raise UsageError(
            f"{option}: {text!r} is not a duration",
            hint="write a number and its unit, for example 10s",
        )
    return sum(float(number) * _UNITS[unit] for number, unit in _TERM.findall(text))
