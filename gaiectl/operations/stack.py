"""From what the user wants to its plan: reads the files it names, and asks its path."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from epp.reading.source import Source
from gaiectl import charts
from gaiectl.errors import GaieError, UsageError
from gaiectl.paths.catalog import PATHS
from gaiectl.paths.pool import labels
from gaiectl.paths.request import Request
from gaiectl.paths.well_lit_profiles import profile
from gaiectl.plan import Assignment, Plan
from gaiectl.rendering.epp_configs import PREFIX, is_preset, preset
from gaiectl.stack.load import load, read
from gaiectl.stack.merge import merged
from gaiectl.stack.model import Implementation, PathName, Stack
from gaiectl.validation.partial import Partial
from gaiectl.validation.problems import InvalidInput
from gaiectl.validation.schema import Schema, UnusableSchema


def plan_of(
    file: Path | Source | None,
    flags: Mapping[str, Any],
    *,
    value_files: Sequence[Path] = (),
    assignments: Sequence[Assignment] = (),
    include_crds: bool = False,
    create_namespace: bool = False,
    default_namespace: str = "",
) -> Plan:
    """Return the plan of the stack in a file, changed by flags.

    Args:
        file: a ``gaie.yaml``, or ``-`` for standard input, or what was read; None for flags alone.
        flags: nested as in the file, with only what the user gave.
        value_files: see ``Request``.
        assignments: see ``Request``.
        include_crds: see ``Request``.
        create_namespace: see ``Request``.
        default_namespace: where it goes when neither the file nor the flags say so.

    Raises:
        GaieError: the stack, or a file it names, cannot be used.
    """
    source = read(file) if isinstance(file, Path) else file
    if default_namespace and not (source and source.value.get("namespace")):
        flags = {"namespace": default_namespace, **flags}
    stack = load(source, flags)
    parts = PATHS[stack.path].parts
    if parts and stack.chart:
        raise UsageError(
            f"chart: {stack.path} is made of several charts",
            hint="leave it out, and say with values what should differ",
        )
    if source and stack.values:
        _check_values(stack, source)
    for values_file in value_files:
        _refuse_stream(values_file)
    has_own_values = bool(stack.values or stack.value_files or value_files or assignments)
    if not (labels(stack) or has_own_values or stack.chart):
        raise UsageError(
            "modelServer.matchLabels: nothing says which pods to serve",
            hint="name pods with --selector app=NAME, or bring some with --model-server sim",
        )
    request = Request(
        stack=stack,
        epp_config=_epp_config(stack, has_own_values=has_own_values) if stack.epp.config else "",
        value_files=tuple(value_files),
        assignments=tuple(assignments),
        include_crds=include_crds,
        create_namespace=create_namespace,
    )
    return PATHS[stack.path].plan(_with_values_read(request) if parts else request)


def _with_values_read(request: Request) -> Request:
    """Return a request whose stack holds what the values files say.

    Their values are those of several charts, so that Helm cannot read them.
    """
    from gaiectl.validation.values import (  # noqa: PLC0415 - most stacks have no values
        check_assignments,
        check_values_files,
    )

    stack = request.stack
    schema = _values_schema(stack)
    files = (*map(Path, stack.value_files), *request.value_files)
    check_assignments(request.assignments, schema)
    said = stack.values
    for values in check_values_files(files, schema):
        said = merged(said, values)
    return replace(request, stack=replace(stack, values=said, value_files=()), value_files=())


def _check_values(stack: Stack, source: Source) -> None:
    """Check the values that stand in ``gaie.yaml`` by the chart's schema."""
    with suppress(UnusableSchema):  # Helm tells the author of the chart
        for finding in Schema(_values_schema(stack)).findings(
            source.value["values"], Partial.FIELDS
        ):
            path = f"values.{finding.path}" if finding.path else "values"
            source.add(path, finding.message, finding.hint, at_key=finding.at_key)
    if source.problems:
        raise InvalidInput(source.problems)


def _values_schema(stack: Stack) -> Mapping[str, Any]:
    """Return the JSON Schema of the values that a user can give."""
    from gaiectl.validation.values import schema_of  # noqa: PLC0415 - most stacks have no values

    parts = PATHS[stack.path].parts
    if not parts:
        return schema_of(Path(stack.chart) if stack.chart else charts.source(stack.path))
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: schema_of(charts.source(chart)) for key, chart in parts.items()},
    }


def _refuse_stream(file: Path) -> None:
    """Refuse what can be read only once, because Helm reads values files too.

    Helm has a standard input of its own, with what the stack says.
    """
    if str(file) in ("-", "/dev/stdin") or str(file).startswith("/dev/fd/") or file.is_fifo():
        raise UsageError(
            f"values file {file}: a stream cannot be read twice, by gaiectl and by Helm",
            hint="write the values to a file and name it after -f",
        )


def _epp_config(stack: Stack, *, has_own_values: bool) -> str:
    """Return the text of the stack's EndpointPickerConfig.

    It is checked here, where mistakes can be told with the user's own file and line, if there is no
    doubt that the bundled EPP will read it; what is rendered is checked in any case.
    """
    if is_preset(stack.epp.config):
        return _preset(stack)
    file = Path(stack.epp.config)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "").lower() or "not text in UTF-8"
        raise GaieError(
            f"EPP configuration {file}: {reason}",
            hint="name the file of an EndpointPickerConfig; gaiectl epp schema says what it holds",
        ) from None
    named = stack.epp.implementation
    is_default = named is Implementation.AUTO and not stack.epp.image and not has_own_values
    if named is Implementation.PYTHON or is_default:
        # Takes long to import, and most stacks bring no configuration of their own.
        from epp.config import ConfigError  # noqa: PLC0415 - see above
        from epp.config import load as check  # noqa: PLC0415 - see above

        try:
            check(text, str(file))
        except ConfigError as error:
            raise InvalidInput(error.problems) from None
    if not text.strip():
        raise GaieError(f"{file} is empty", hint="gaiectl epp schema says what can stand there")
    return text


def _preset(stack: Stack) -> str:
    """Return the text of a ready configuration; empty if it is the one that the profile has."""
    if stack.path is PathName.INFERENCE_SCHEDULING:
        own = f"{PREFIX}{profile(stack.profile).epp_config}"
        if stack.epp.config == own:
            return ""
    return preset(stack.epp.config)
