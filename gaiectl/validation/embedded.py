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
_FILES = "pluginsCustomConfig"
_CHOICE = "pluginsConfigFile"
_CHARTS_OWN = "default-plugins.yaml"
_OF_CHARTS = frozenset(("inferenceExtension", "inferencePool", "router"))
_MOST_LEVELS = 12


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
        remarks: what is to be said of it as a part of the text around it.
    """

    file: str
    title: str
    text: str
    line: int = 0
    column: int = 0
    place: tuple[int, int] = (0, 0)
    remarks: tuple["Problem", ...] = ()

    def located(self, problem: "Problem") -> "Problem":
        """Return a problem of the configuration with its place in the text around it."""
        if not problem.line:
            return replace(problem, file=self.title)
        if self.place[0]:
            inside = f"line {problem.line} of it"
            hint = f"{inside}: {problem.hint}" if problem.hint else inside
            return replace(problem, line=self.place[0], column=self.place[1], hint=hint)
        return replace(problem, line=problem.line + self.line, column=problem.column + self.column)


def embedded(text: str, file: str) -> list[Embedded]:
    """Return the configurations in a text; the text itself if it is neither manifests nor values.

    Raises:
        GaieError: the text holds manifests or values, and no configuration in them.
        ConfigError: a configuration in values is not a text.
    """
    try:
        roots = [node for node in yaml.compose_all(text, Loader=_LOADER) if node is not None]  # type: ignore[redundant-expr] # an empty document has none
    except (yaml.YAMLError, RecursionError, ValueError):
        return [Embedded(file, file, text)]  # its reader says what is wrong
    documents = [item for root in roots for item in _items(root)]
    values = [one for document in documents for one in _values(document)]
    manifests = [document for document in documents if _is_manifest(document)]
    if not (manifests or values or any(map(_is_of_chart, documents))):
        return [Embedded(file, file, text)]
    found = [one for manifest in manifests for one in _in_config_map(manifest, text, file)]
    found += [one for path, node in values for one in _in_values(path, node, text, file)]
    if not found and not manifests:
        raise GaieError(
            f"{file}: values without an EndpointPickerConfig: the chart's own counts",
            hint="gaiectl render checks that one",
        )
    if not found:
        raise GaieError(
            f"{file}: no EndpointPickerConfig in its ConfigMaps or values",
            hint="name the file that holds one, or the key: ConfigMap/NAME.KEY",
        )
    return found


def _is_manifest(node: Any) -> bool:
    kind = _word(node, "kind")
    return bool(kind and kind != _KIND and _field(node, "metadata"))


def _is_of_chart(node: Any) -> bool:
    return any(_field(node, name) is not None for name in _OF_CHARTS)


def _items(node: Any) -> list[Any]:
    items = _field(node, "items")
    if _word(node, "kind").endswith("List") and isinstance(items, yaml.SequenceNode):
        return list(items.value)
    return [node]


def _values(node: Any) -> list[tuple[str, yaml.MappingNode]]:
    """Return the maps with files of plugins and their paths, however deep in the values.

    GAIE's charts have them in ``inferenceExtension``, llm-d's in ``router.epp``, and a chart that
    contains one of these below its name.
    """
    found: dict[int, tuple[str, yaml.MappingNode]] = {}
    level = [("", node)]
    for _ in range(_MOST_LEVELS):
        below: dict[int, tuple[str, Any]] = {}
        for path, each in level:
            if not isinstance(each, yaml.MappingNode):
                continue
            if _field(each, _FILES) is not None:
                found.setdefault(id(each), (path, each))
            for key, value in each.value:
                name = str(getattr(key, "value", ""))
                below.setdefault(id(value), (f"{path}.{name}" if path else name, value))
        level = list(below.values())
    return list(found.values())


def _in_config_map(node: Any, text: str, file: str) -> Iterator[Embedded]:
    if _word(node, "kind") != "ConfigMap":
        return
    texts = _field(node, "data")
    title = f"{file}, ConfigMap {_word(_field(node, 'metadata'), 'name')}"
    for key, value in texts.value if isinstance(texts, yaml.MappingNode) else ():
        if isinstance(value, yaml.ScalarNode) and _KIND in value.value:
            yield _located(value, text, file, f"{title}, {key.value}")


def _in_values(path: str, node: yaml.MappingNode, text: str, file: str) -> Iterator[Embedded]:
    from epp.config import ConfigError, Problem  # noqa: PLC0415 - heavy, and --help does without

    files = _field(node, _FILES)
    where = f"{path}.{_FILES}" if path else _FILES
    chosen = _word(node, _CHOICE) or _CHARTS_OWN
    for key, value in files.value if isinstance(files, yaml.MappingNode) else ():
        place = (key.start_mark.line + 1, key.start_mark.column + 1)
        if not isinstance(value, yaml.ScalarNode):
            message, hint = "must be a text, not YAML of its own", f"write {key.value}: |"
            problem = Problem(message, file, *place, f"{where}[{key.value}]", hint)
            raise ConfigError([replace(problem, code="wrong-type")])
        one = _located(value, text, file, f"{file}, {where}, {key.value}")
        if key.value != chosen:
            message = f"the EPP reads {chosen}, as far as these values say"
            hint = f"set {_CHOICE}: {key.value} beside {_FILES}"
            problem = Problem(message, file, *place, f"{where}[{key.value}]", hint, "info")
            one = one._replace(remarks=(replace(problem, code="unused-file"),))
        yield one


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
