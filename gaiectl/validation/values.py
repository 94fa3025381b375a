"""Values files and ``--set`` against a chart's schema, before Helm sees them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from epp.reading.source import UNUSABLE, Source, parse
from gaiectl.errors import GaieError
from gaiectl.plan import Assignment
from gaiectl.validation.assignments import Assigned, Culprits, NotReadable, merged, read
from gaiectl.validation.partial import Partial
from gaiectl.validation.problems import InvalidInput
from gaiectl.validation.schema import Finding, Schema, UnusableSchema

SCHEMA_FILE = "values.schema.json"

_SHOWN = 200
"""Characters of an assignment, which stands before each of its mistakes."""


def schema_of(chart_folder: Path) -> Mapping[str, Any]:
    """Return the JSON Schema of a chart's values; empty for an archive or a chart without one.

    Also for one that is no map, of which Helm says what is wrong with it.

    Raises:
        GaieError: its values.schema.json is not JSON.
    """
    path = chart_folder / SCHEMA_FILE
    if not path.is_file():
        return {}
    try:
        schema = json.loads(path.read_bytes())
    except ValueError as error:
        raise GaieError(
            f"{path} is not JSON: {error}", hint="correct it, or remove it from the chart"
        ) from None
    return schema if isinstance(schema, dict) else {}


def check_values_files(files: Sequence[Path], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Check values files as Helm would read them; what they leave out has its default.

    Returns:
        What each of them says.

    Raises:
        InvalidInput: what is wrong in all of them.
        GaieError: a file cannot be read.
    """
    compiled = Schema(schema)
    sources = [_checked(file, compiled) for file in files]
    _refuse(sources)
    return [source.value or {} for source in sources]


def check_assignments(assignments: Sequence[Assignment], schema: Mapping[str, Any]) -> None:
    """Check the texts of ``--set`` and ``--set-string``, all of them together.

    Raises:
        InvalidInput: a text is no assignment, or the schema knows no such value.
    """
    sources = {assignment: Source(_as_typed(assignment)) for assignment in assignments}
    assigned: list[Assigned] = []
    for assignment, source in sources.items():
        try:
            assigned += read(assignment)
        except NotReadable as error:
            source.add("", str(error), error.hint)
    if assigned:
        culprits = Culprits(assigned)
        with suppress(UnusableSchema):
            for finding in Schema(schema).findings(merged(assigned), Partial.ITEMS):
                culprit = culprits.of(finding.path)
                hint = _hint(finding, culprit)
                sources[culprit.assignment].add(finding.path, finding.message, hint)
    _refuse(sources.values())


def _refuse(sources: Iterable[Source]) -> None:
    if problems := [problem for source in sources for problem in source.problems]:
        raise InvalidInput(problems)


def _checked(file: Path, schema: Schema) -> Source:
    source = parse(_text(file), str(file), merge_keys=True)
    if isinstance(source.value, dict):
        with suppress(UnusableSchema):  # Helm tells the author of the chart
            schema.check(source.value, source, Partial.FIELDS)
    elif source.value is not None and source.value is not UNUSABLE:
        source.add("", "values are a map of names to values", "write name: value")
    return source


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise GaieError(
            f"values file {file}: {reason}", hint="name a readable file after -f"
        ) from None
    except UnicodeDecodeError:
        raise GaieError(
            f"values file {file} is not text in UTF-8", hint="save it as UTF-8"
        ) from None


def _as_typed(assignment: Assignment) -> str:
    text = assignment.text if len(assignment.text) <= _SHOWN else f"{assignment.text[:_SHOWN]}..."
    return f"{'--set-string' if assignment.as_string else '--set'} {text}"


def _hint(finding: Finding, culprit: Assigned) -> str:
    """Return what the syntax of ``--set`` makes likely, or else the finding's own hint."""
    if finding.at_key:
        comma = r"write \, for a comma that belongs to the value before it"
        return comma if culprit.follows_comma else finding.hint
    if culprit.path.startswith(f"{finding.path}."):
        return r"write \. for a dot that belongs to a name"
    wants_text = finding.message.startswith("wanted a text;")
    return "--set-string makes a text of any value" if wants_text else finding.hint
