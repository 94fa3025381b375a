"""Where the user wrote a value that a cluster refuses: the file and line, or the option."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from epp.reading.source import Source, parse
from gaiectl.operations.kept_options import Inputs
from gaiectl.validation.assignments import NotReadable
from gaiectl.validation.assignments import read as read_assignment
from gaiectl.validation.objections import Objected, Objection

_VALUES = "values."
"""Below this, a ``gaie.yaml`` holds values of the chart."""

_OPTIONS = {
    "epp.image": "--epp-image",
    "epp.implementation": "--epp",
    "modelServer.kind": "--model-server",
    "modelServer.matchLabels": "--selector",
    "provider.name": "--provider",
    "provider.gateway": "--gateway",
    "name": "the NAME of the stack",
    "namespace": "--namespace",
}
_TELLING = 6
"""Texts of so many characters are hardly the same by chance, numbers are."""


class _Leaf(NamedTuple):
    path: str
    text: str
    where: str


def say_where(error: Objected, inputs: Inputs) -> None:
    """Add to each line of an error where the value in question was written, if it can be told.

    What was written twice in different places is left alone: a wrong place costs more than none.
    """
    leaves = list(_leaves(inputs))
    places = [_place(one, leaves) for one in error.objections]
    if not any(places):
        return
    lines = []
    for one, place in zip(error.objections, places, strict=True):
        text = one.text.removesuffix(f" (see {one.origin})") if place else one.text
        lines.append(f"{text} ({place})" if place else text)
    error.detail = "\n".join(lines)
    if all(places):
        error.hint = f"correct {'; '.join(dict.fromkeys(map(str, places)))}"


def _place(objection: Objection, leaves: Iterable[_Leaf]) -> str:
    """Return the place of the value; empty if it is not known, or there are several."""
    text = _text(objection.value)
    if text is None:
        return ""
    key = _last(objection.field)
    found = [leaf for leaf in leaves if leaf.text == text]
    origins = [name for name in objection.origin.split(", ") if name]
    of_origin = [leaf for leaf in found if any(_is_below(leaf.path, name) for name in origins)]
    of_key = [leaf for leaf in of_origin or found if _last(leaf.path) == key]
    is_telling = len(text) >= _TELLING and not text.replace(".", "").isdigit()
    # Of what is written twice under one name, the last one counts.
    for some in (of_key, of_origin, found if is_telling else []):
        if len({leaf.path for leaf in some}) == 1:
            return some[-1].where
    return ""


def _is_below(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))


def _last(path: str) -> str:
    return path.rstrip("]").replace("[", ".").rpartition(".")[2]


def _leaves(inputs: Inputs) -> Iterator[_Leaf]:
    """Yield every value that the user wrote, those that win last."""
    source, folder = inputs.source, Path()
    files: list[Path] = []
    if source is not None and isinstance(source.value, dict):
        folder = Path(source.file).parent
        yield from _of_source(source)
        files += [folder / str(file) for file in source.value.get("valueFiles") or ()]
    for path, value in _walk(inputs.flags, ""):
        option = _OPTIONS.get(path) or _OPTIONS.get(path.rpartition(".")[0])
        if option:
            yield _Leaf(path, value, f"{option} {value}" if option.startswith("-") else option)
    for file in (*files, *inputs.value_files):
        with suppress(OSError):
            text = file.read_text(encoding="utf-8-sig", errors="replace")
            yield from _of_source(parse(text, str(file), merge_keys=True))
    for assignment in inputs.assignments:
        with suppress(NotReadable):
            for one in read_assignment(assignment):
                if (said := _text(one.value)) is not None:
                    yield _Leaf(one.path, said, f"--set {one.path}={said}")


def _of_source(source: Source) -> Iterator[_Leaf]:
    for path, text in _walk(source.value, ""):
        line, column = source.values.get(path, (0, 0))
        place = f"{source.file}:{line}:{column}" if line else source.file
        yield _Leaf(path.removeprefix(_VALUES), text, f"{place}: {path}")


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{number}]")
    elif (text := _text(value)) is not None:
        yield path, text


def _text(value: Any) -> str | None:
    """Return a scalar as it would be compared; None for what is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None
