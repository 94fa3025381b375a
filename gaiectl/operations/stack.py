"""From what the user wants to its plan: reads the files it names, and asks its path."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gaiectl.errors import GaieError
from gaiectl.paths.catalog import PATHS
from gaiectl.paths.request import Request
from gaiectl.plan import Assignment, Plan
from gaiectl.stack.load import load
from gaiectl.stack.model import Implementation
from gaiectl.validation.problems import InvalidInput


def plan_of(
    file: Path | None,
    flags: dict[str, Any],
    *,
    value_files: Sequence[Path] = (),
    assignments: Sequence[Assignment] = (),
    include_crds: bool = False,
    create_namespace: bool = False,
) -> Plan:
    """Return the plan of the stack in a file, changed by flags.

    Args:
        file: a ``gaie.yaml``; None for flags alone.
        flags: nested as in the file, with only what the user gave.
        value_files: see ``Request``.
        assignments: see ``Request``.
        include_crds: see ``Request``.
        create_namespace: see ``Request``.

    Raises:
        GaieError: the stack, or a file it names, cannot be used.
    """
    stack = load(file, flags)
    config = stack.epp.config
    request = Request(
        stack=stack,
        epp_config=_epp_config(Path(config), stack.epp.implementation) if config else "",
        value_files=tuple(value_files),
        assignments=tuple(assignments),
        include_crds=include_crds,
        create_namespace=create_namespace,
    )
    return PATHS[stack.path](request)


def _epp_config(file: Path, implementation: Implementation) -> str:
    """Return the text of an EndpointPickerConfig that the EPP will accept."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise GaieError(
            f"{file}: {reason.lower()}", hint="--epp-config needs an EndpointPickerConfig"
        ) from None
    if implementation is not Implementation.GO:
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
