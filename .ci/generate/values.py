"""From charts/schema: each chart's values.yaml, values.schema.json and the table in its README."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).resolve().parents[2] / "charts"
SOURCE = CHARTS / "schema"
NAMES = ("gateway", "inferencepool", "modelservice", "standalone")
BEGIN, END = "<!-- values -->", "<!-- /values -->"

_WIDTH = 100
_ABOUT = """\
In brackets stands the release of {origin} had the value
first, or gaiectl for a value of ours.
"""
_ORIGIN = "the Gateway API Inference Extension whose charts"
_HEAD = "| value | type | default | meaning |\n|---|---|---|---|"
_END_OF_DOCUMENT = "...\n"
_OWN_KEYWORDS = {"default", "description", "since", "deprecated", "example"}
"""Keywords of a value's record that are no JSON Schema, or that are set here."""


@dataclass(slots=True)
class Value:
    """One value of a chart, or with ``children`` a map of them.

    Attributes:
        path: ``inferenceExtension.image.tag``.
        record: what its group says about it.
        schema: its JSON Schema, draft 7.
        default: a value as YAML has it; unused when there are children.
        children: by name, in order.
    """

    path: str
    record: Mapping[str, Any]
    schema: dict[str, Any]
    default: Any = None
    children: dict[str, "Value"] = field(default_factory=dict)


@dataclass(slots=True)
class Chart:
    """The values of a chart.

    Attributes:
        name: of the chart.
        summary: what it makes, in one sentence.
        origin: whose releases its values come from, up to "had the value first".
        root: by name, in order.
        groups: the values of each title, without the maps that hold others.
    """

    name: str
    summary: str
    origin: str
    root: dict[str, Value] = field(default_factory=dict)
    groups: dict[str, list[Value]] = field(default_factory=dict)


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    texts: dict[Path, str] = {}
    for name in NAMES:
        chart = read(name)
        folder = CHARTS / name
        texts[folder / "values.yaml"] = values_yaml(chart)
        texts[folder / "values.schema.json"] = json.dumps(schema(chart), indent=2) + "\n"
        readme = folder / "README.md"
        if readme.is_file():
            texts[readme] = with_table(readme.read_text(encoding="utf-8"), chart)
    return texts


def read(name: str) -> Chart:
    """Return the values of a chart.

    Raises:
        ValueError: a record has no parent, or a default names no value.
    """
    page = _load(SOURCE / f"{name}.yaml")
    types = _load(SOURCE / "types.yaml")
    defaults = dict(page.get("defaults", {}))
    chart = Chart(name, page["summary"], page.get("origin", _ORIGIN))
    every: dict[str, Value] = {}
    for entry in page["groups"]:
        group, under = _group(entry)
        for key, record in group["values"].items():
            path = f"{under}.{key}" if under and key else under or key
            default = defaults.pop(path, record.get("default"))
            value = Value(path, record, _schema(record, types, default), default)
            parent, _, leaf = path.rpartition(".")
            if parent and parent not in every:
                raise ValueError(f"{path}: {parent} is not described before it")
            (every[parent].children if parent else chart.root)[leaf] = value
            every[path] = value
            if "default" in record:
                chart.groups.setdefault(group["title"], []).append(value)
    if defaults:
        raise ValueError(f"{name}.yaml has defaults of no value: {', '.join(defaults)}")
    return chart


def _group(entry: str | Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return a group and the path that its values stand below, which a chart may give it.

    A chart that has a group several times names it as a map: ``group``, the path ``under``, and
    which title and description the group has there.
    """
    if isinstance(entry, str):
        return _load(SOURCE / "groups" / f"{entry}.yaml"), ""
    group = _load(SOURCE / "groups" / f"{entry['group']}.yaml")
    above = {"": {"type": "settings", "description": entry["description"]}}
    return {"title": entry["title"], "values": above | group["values"]}, entry["under"]


def _load(path: Path) -> dict[str, Any]:
    page: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return page


def _schema(record: Mapping[str, Any], types: Mapping[str, Any], default: Any) -> dict[str, Any]:
    is_map = "default" not in record
    keywords = {key: what for key, what in record.items() if key not in {*_OWN_KEYWORDS, "type"}}
    rules: dict[str, Any] = types[record["type"]] | keywords
    if not is_map:
        rules = _or_null(rules)
    described: dict[str, Any] = {"description": _description(record)}
    if not is_map:
        described["default"] = default
    if "deprecated" in record:
        described["deprecated"] = True
    return {**{key: rules[key] for key in rules if key == "title"}, **described} | rules


def _or_null(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Return rules that let null through too."""
    nullable = dict(rules)
    if "type" in rules:
        kinds = rules["type"]
        nullable["type"] = [*(kinds if isinstance(kinds, list) else [kinds]), "null"]
    if "enum" in rules:
        nullable["enum"] = [*rules["enum"], None]
    return nullable


def _description(record: Mapping[str, Any]) -> str:
    text = str(record["description"])
    return f"{text} Deprecated: use {record['deprecated']}." if "deprecated" in record else text


def schema(chart: Chart) -> dict[str, Any]:
    """Return the JSON Schema (draft 7, all that Helm 3 knows) of the chart's values."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Values of the chart {chart.name}",
        "description": chart.summary,
        "type": "object",
        "additionalProperties": False,
        "properties": {key: _nested(value) for key, value in chart.root.items()},
        # Helm adds the first two, and a chart that depends on this one on a condition the third.
        # As patterns no editor offers them.
        "patternProperties": {
            "^(global|epplib)$": {"type": ["object", "null"]},
            "^enabled$": {"type": ["boolean", "null"]},
        },
    }


def _nested(value: Value) -> dict[str, Any]:
    if not value.children:
        return value.schema
    children = {key: _nested(child) for key, child in value.children.items()}
    return {**value.schema, "additionalProperties": False, "properties": children}


def values_yaml(chart: Chart) -> str:
    """Return the chart's defaults with a comment for each."""
    head = (
        "# yaml-language-server: $schema=values.schema.json\n"
        f"# {chart.summary}\n"
        "# Made by .ci/generate from charts/schema; README.md tells more about each value.\n"
    )
    return head + "".join(
        f"\n{''.join(_lines(key, value, 0))}" for key, value in chart.root.items()
    )


def _lines(key: str, value: Value, depth: int) -> Iterator[str]:
    indent = "  " * depth
    comments = textwrap.wrap(_description(value.record), _WIDTH - len(indent) - 2)
    if "example" in value.record:
        example = yaml.safe_dump(value.record["example"], default_flow_style=True, sort_keys=False)
        comments.append(f"Example: {example.removesuffix(_END_OF_DOCUMENT).rstrip()}")
    for line in comments:
        yield f"{indent}# {line}\n"
    if not value.children:
        dumped = _dump({key: value.default})
        yield textwrap.indent(dumped, indent)
        return
    yield f"{indent}{key}:\n"
    before: Value | None = None
    for name, child in value.children.items():
        if before and (before.children or child.children):
            yield "\n"
        yield from _lines(name, child, depth + 1)
        before = child


class _Dumper(yaml.SafeDumper):
    """YAML with lists set in, null written out, and texts that look like numbers in quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - the signature is PyYAML's
        super().increase_indent(flow, indentless=False)


def _dump(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 16)
    return text.replace("''", '""') if "'" in text else text


def with_table(readme: str, chart: Chart) -> str:
    """Return the README with a fresh table between its marks.

    Raises:
        ValueError: it has no marks.
    """
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"charts/{chart.name}/README.md has no {BEGIN} ... {END}")
    return f"{head}{BEGIN}\n{table(chart)}\n{END}{tail}"


def table(chart: Chart) -> str:
    """Return the Markdown tables of the values, one for each group."""
    parts = [_ABOUT.format(origin=chart.origin)]
    for title, values in chart.groups.items():
        rows = "\n".join(_row(value) for value in values)
        parts.append(f"### {title}\n\n{_HEAD}\n{rows}\n")
    return "\n".join(parts)


def _row(value: Value) -> str:
    record = value.record
    kind = str(record["type"])
    if "enum" in record:
        kind = ", ".join(f"`{choice}`" for choice in record["enum"] if choice != "")
    default = "" if value.default is None else f"`{json.dumps(value.default)}`"
    meaning = _description(record)
    if "example" in record:
        meaning += f" Example: `{json.dumps(record['example'])}`."
    cells = (f"`{value.path}`", kind, default, f"{meaning} *({record['since']})*")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
