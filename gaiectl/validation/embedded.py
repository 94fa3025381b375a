"""EndpointPickerConfigs wherever they stand: by themselves, in ConfigMaps, in values of a chart."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from gaiectl.errors import GaieError

if TYPE_CHECKING:
    from epp.config import Problem

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KIND = "EndpointPickerConfig"
_LITERAL = "|"


class Embedded(NamedTuple):
    """One configuration and where it stands.

    Attributes:
        file: how problems call the text around it.
        title: the same and what it is in there, for people.
        text: of the configuration.
        line: lines of the text around it that stand before its first.
        column: blanks before each of its lines.
        place: where to point to when its lines are not those of the text around it; line 0 says
            that they are.
    """

    file: str
    title: str
    text: str
    line: int = 0
    column: int = 0
    place: tuple[int, int] = (0, 0)

    def located(self, problem: "Problem") -> "Problem":
        """Return a problem of the configuration with its place in the text around it."""
        if not problem.line:
            return replace(problem, file=self.title)
        if self.place[0]:
            inside = f"line {problem.line} of it"
            hint = f"{problem.hint}; {inside}" if problem.hint else inside
            return replace(problem, line=self.place[0], column=self.place[1], hint=hint)
        return replace(problem, line=problem.line + self.line, column=problem.column + self.column)


def embedded(text: str, file: str) -> list[Embedded]:
    """Return the configurations in a text; the text itself if it is neither manifests nor values.

    Raises:
        GaieError: the text holds manifests or values, and no configuration in them.
    """
    try:
        roots = [node for node in yaml.compose_all(text, Loader=_LOADER) if node is not None]  # type: ignore[redundant-expr] # an empty document has none
    except (yaml.YAMLError, RecursionError, ValueError):
        return [Embedded(file, file, text)]  # its reader says what is wrong
    documents = [item for root in roots for item in _items(root)]
    if not any(_is_wrapper(document) for document in documents):
        return [Embedded(file, file, text)]
    found = [one for document in documents for one in _inside(document, text, file)]
    if not found:
        raise GaieError(
            f"{file}: no EndpointPickerConfig in its ConfigMaps or values",
            hint="name the file that holds one, or the key: ConfigMap/NAME.KEY",
        )
    return found


def _is_wrapper(node: Any) -> bool:
    kind = _word(node, "kind")
    return bool(kind and kind != _KIND and _field(node, "metadata")) or (
        _field(node, "inferenceExtension") is not None
    )


def _items(node: Any) -> list[Any]:
    items = _field(node, "items")
    if _word(node, "kind").endswith("List") and isinstance(items, yaml.SequenceNode):
        return list(items.value)
    return [node]


def _inside(node: Any, text: str, file: str) -> Iterator[Embedded]:
    if _word(node, "kind") == "ConfigMap":
        name = _word(_field(node, "metadata"), "name")
        texts, where = _field(node, "data"), f"ConfigMap {name}"
    else:
        texts = _field(_field(node, "inferenceExtension"), "pluginsCustomConfig")
        where = "inferenceExtension.pluginsCustomConfig"
    if not isinstance(texts, yaml.MappingNode):
        return
    for key, value in texts.value:
        is_text = isinstance(value, yaml.ScalarNode)
        if is_text and (_KIND in value.value or where.startswith("inference")):
            yield _located(value, text, file, f"{file}, {where}, {key.value}")


def _located(node: yaml.ScalarNode, text: str, file: str, title: str) -> Embedded:
    mark = node.start_mark
    if node.style != _LITERAL:
        return Embedded(file, title, node.value, place=(mark.line + 1, mark.column + 1))
    lines = text.splitlines()[mark.line + 1 : node.end_mark.line + 1]
    column = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)
    # A text whose first line is indented says so, and its indentation is not all the block's.
    first = next((line for line in node.value.splitlines() if line.strip()), "")
    column -= len(first) - len(first.lstrip(" "))
    return Embedded(file, title, node.value, mark.line + 1, max(column, 0))


def _field(node: Any, name: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    found = [value for key, value in node.value if getattr(key, "value", None) == name]
    return found[-1] if found else None


def _word(node: Any, name: str) -> str:
    value = _field(node, name)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else ""
