"""The options of an installation, kept with its revision, so that an upgrade names what differs.

What files say is kept, not where they were: an upgrade comes from another folder, or another
machine. Only a chart of the user's own is too large for that, and stays a path.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from epp.reading.source import Source
from gaiectl.errors import GaieError
from gaiectl.plan import Assignment
from gaiectl.rendering.epp_configs import is_preset
from gaiectl.stack.merge import merged

_STACK, _CONFIG, _VALUES, _SET = "stack", "eppConfig", "valueFiles", "assignments"


class Inputs(NamedTuple):
    """What a stack is made from.

    Attributes:
        source: a ``gaie.yaml``; None for flags alone.
        flags: nested as in it, with only what the user gave; they win.
        value_files: values of the chart, the last one wins.
        assignments: ``--set`` and ``--set-string`` in their order; they win over files.
    """

    source: Source | None
    flags: Mapping[str, Any]
    value_files: Sequence[Path] = ()
    assignments: Sequence[Assignment] = ()


def keep(inputs: Inputs) -> dict[str, Any]:
    """Return the inputs as JSON, with the texts of the files they name; reads them.

    Raises:
        OSError: a file is not there any more.
    """
    folder = Path(inputs.source.file).parent if inputs.source else Path()
    written = inputs.source.value if inputs.source else {}
    stack: dict[str, Any] = merged(written, inputs.flags)
    epp = dict(stack.get("epp") or {})
    kept: dict[str, Any] = {}
    if (config := epp.pop("config", "")) and not is_preset(config):
        is_flag = bool((inputs.flags.get("epp") or {}).get("config"))
        kept[_CONFIG] = _text(Path(config) if is_flag else folder / config)
        stack["epp"] = epp
    if chart := stack.get("chart"):
        is_flag = bool(inputs.flags.get("chart"))
        stack["chart"] = str((Path(chart) if is_flag else folder / chart).resolve())
    files = [folder / file for file in stack.pop("valueFiles", ())]
    kept[_VALUES] = [_text(file) for file in (*files, *inputs.value_files)]
    kept[_SET] = [[one.text, one.as_string] for one in inputs.assignments]
    kept[_STACK] = stack
    return kept


def continued(
    kept: Mapping[str, Any], given: Inputs, name: str, folder: Path, *, is_reset: bool
) -> Inputs:
    """Return kept options changed by those given now.

    A ``gaie.yaml`` given now stands for all that was kept. Else each option given replaces the one
    of the same name, and values and assignments are added after those kept, so that they win.

    Args:
        kept: what ``keep`` returned.
        given: the options of now.
        name: how messages call what was kept.
        folder: an empty one, for the files; it must last as long as the inputs are used.
        is_reset: forget the kept values and assignments of the chart.

    Raises:
        GaieError: nothing of use is kept.
    """
    if given.source is not None:
        return given
    try:
        stack = dict(kept[_STACK])
        values = [str(text) for text in kept[_VALUES]]
        assignments = [Assignment(str(text), as_string=bool(kind)) for text, kind in kept[_SET]]
        config = str(kept.get(_CONFIG) or "")
    except (LookupError, TypeError, ValueError):
        raise GaieError(
            f"{name} does not say what it was made from",
            hint="give all options once more: gaiectl install",
        ) from None
    if is_reset:
        values, assignments = [], []
        stack.pop("values", None)
    if config:
        stack["epp"] = {**(stack.get("epp") or {}), "config": _file(folder / "epp.yaml", config)}
    if values:
        stack["valueFiles"] = [
            _file(folder / f"values-{number}.yaml", text) for number, text in enumerate(values, 1)
        ]
    stack["modelServer"] = _model_server(stack, given.flags)
    return Inputs(
        Source(name, value=stack),
        given.flags,
        given.value_files,
        (*assignments, *given.assignments),
    )


def _model_server(stack: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kept model servers without what a new choice of them replaces."""
    server = dict(stack.get("modelServer") or {})
    chosen = flags.get("modelServer") or {}
    if "kind" in chosen or "matchLabels" in chosen:
        server.pop("matchLabels", None)
    if "matchLabels" in chosen:
        server.pop("kind", None)
    return server


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig", errors="surrogateescape")


def _file(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return str(path)
