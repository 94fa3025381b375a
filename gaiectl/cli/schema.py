"""``gaiectl schema``: the formats that users write, as JSON Schemas for editors."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from gaiectl.cli.options import examples
from gaiectl.console import terminal


class Format(StrEnum):
    """Formats that have a schema."""

    STACK = "stack"
    EPP = "epp"
    INFERENCEPOOL = "inferencepool"
    STANDALONE = "standalone"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "schema",
        epilog=examples(
            "gaiectl schema stack > stack.schema.json",
            "gaiectl schema standalone > values.schema.json",
        ),
    )(schema)


def schema(
    what: Annotated[
        Format,
        typer.Argument(
            metavar="FORMAT",
            help="stack (gaie.yaml), epp (its configuration), or a chart's name (its values).",
        ),
    ],
) -> None:
    """Print the JSON Schema of a format, for editors."""
    terminal.data(json.dumps(_schema(what), indent=2))


def _schema(what: Format) -> Any:
    if what is Format.STACK:
        from gaiectl.stack.schema import schema as stack_schema

        return stack_schema()
    if what is Format.EPP:
        from epp.config import schema as epp_schema

        return epp_schema()
    from gaiectl.assets import folder
    from gaiectl.validation.values import schema_of

    return schema_of(folder("charts") / what)
