"""The one Jinja environment: a missing value is an error, and nothing is escaped as HTML."""

import json
from functools import cache
from typing import TYPE_CHECKING

from gaiectl import assets

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> "Environment":
    """Return the environment over the ``templates`` folder.

    The filter ``json`` writes a value as JSON, which is also YAML: strings quoted, booleans lower.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 30 ms

    made = Environment(
        loader=FileSystemLoader(assets.folder("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is YAML, never HTML
        keep_trailing_newline=True,
    )
    made.filters["json"] = json.dumps
    return made
