"""A JSON Schema, and its complaints in words a user can act on.

The schema speaks for itself: ``title`` says what a value is (``a port, 1 to 65535``), and where
there is none ``description`` is the explanation.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from epp.reading.source import UNUSABLE, Source, short
from epp.reading.suggest import suggest
from gaiectl.validation.partial import Partial, may_be_mended

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_KINDS = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_BOUNDS = {
    "minimum": "is below the minimum",
    "exclusiveMinimum": "is not above",
    "maximum": "is above the maximum",
    "exclusiveMaximum": "is not below",
    "multipleOf": "is no multiple of",
}
_SIZES = {
    "minLength": ("is shorter than", "characters"),
    "maxLength": ("is longer than", "characters"),
    "minItems": ("has fewer than", "items"),
    "maxItems": ("has more than", "items"),
    "minProperties": ("has fewer than", "fields"),
    "maxProperties": ("has more than", "fields"),
}
_RANK = ("enum", "const", "type", "pattern")
"""Which of several complaints about one value says most."""


class Finding(NamedTuple):
    """One mistake.

    Attributes:
        path: ``plugins[0].type``, as ``Source`` has it.
        message: what is wrong, with the value.
        hint: what to do about it, or nothing.
        at_key: it is the name that is wrong, not the value.
        missing: the field that the value lacks, or nothing.
    """

    path: str
    message: str
    hint: str = ""
    at_key: bool = False
    missing: str = ""


class UnusableSchema(Exception):
    """What should be a JSON Schema is none, or refers to another one."""


class Schema:
    """A JSON Schema of draft 7 or 2020-12, compiled when it is first used."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema

    def check(self, value: Any, source: Source, partial: Partial = Partial.NOTHING) -> None:
        """Add a problem to the source for each mistake in the value, at its place in the text.

        Raises:
            UnusableSchema: the schema's author has made a mistake.
        """
        for finding in self.findings(value, partial):
            source.add(finding.path, finding.message, finding.hint, at_key=finding.at_key)

    def findings(self, value: Any, partial: Partial = Partial.NOTHING) -> list[Finding]:
        """Return what is wrong with a value; nothing is said of ``UNUSABLE`` parts.

        Args:
            value: as YAML or JSON has it.
            partial: what may yet be added to it.

        Raises:
            UnusableSchema: the schema's author has made a mistake.
        """
        unusable: set[str] = set()
        usable = _without_unusable(value, "", unusable)
        errors = [
            error
            for error in self._validator.iter_errors(usable)
            if path_of(error.instance_path) not in unusable and not may_be_mended(error, partial)
        ]
        found = [finding for error in _one_for_each_value(errors) for finding in self._of(error)]
        meant = {f"{_parent(finding.path)}{finding.hint}" for finding in found if finding.at_key}
        return [
            finding
            for finding in dict.fromkeys(found)
            # A field that stands there under a mistaken name is not missing.
            if f"{finding.path}{_did_you_mean(finding.missing)}" not in meant
        ]

    @cached_property
    def _validator(self) -> Any:
        import jsonschema_rs  # noqa: PLC0415 - 40 ms that most commands do not need

        try:
            return jsonschema_rs.validator_for(dict(self._schema), retriever=_refuse)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise UnusableSchema(str(error)) from None

    def _of(self, error: "ValidationError") -> Iterator[Finding]:  # noqa: C901 - a flat list of cases
        """Yield the mistakes behind a validator's complaint."""
        kind: Any = error.kind
        path, value, what = path_of(error.instance_path), error.instance, kind.value
        match kind.name:
            case "additionalProperties" | "unevaluatedProperties":
                for name in what:
                    yield self._unknown(path, name, error)
            case "required":
                about = self._at(error).get("properties", {}).get(what)
                hint = about.get("description", "") if isinstance(about, Mapping) else ""
                yield Finding(path, f"field {what!r} is missing", hint, missing=what)
            case "dependencies" | "dependentRequired":
                yield Finding(path, f"field {what!r} is missing beside the others")
            case "falseSchema":
                yield Finding(path, f"{_last(path)!r} is not allowed here", at_key=True)
            case "type":
                yield Finding(path, f"wanted {self._wanted(error)}, got {_given(value)}")
            case "enum" | "const":
                yield self._not_one_of(path, value, what if kind.name == "enum" else [what])
            case "pattern" | "format":
                yield Finding(path, f"{short(value)} does not fit", f"wanted: {self._about(error)}")
            case "propertyNames":
                yield self._bad_name(path, what)
            case "anyOf" | "oneOf" if nearest := _nearest_branch(kind.context, path):
                for inner in nearest:
                    yield from self._of(inner)
            case bound if bound in _BOUNDS:
                yield Finding(path, f"{short(value)} {_BOUNDS[bound]} {what}")
            case size if size in _SIZES:
                verb, unit = _SIZES[size]
                is_empty = not value and what == 1
                yield Finding(path, "is empty" if is_empty else f"{verb} {what} {unit}")
            case "uniqueItems":
                yield Finding(path, "has an item twice")
            case _:
                about = self._about(error)
                yield Finding(path, f"{_given(value)} is not allowed here", f"wanted: {about}")

    def _unknown(self, path: str, name: str, error: "ValidationError") -> Finding:
        given = error.instance if isinstance(error.instance, dict) else {}
        known = self._at(error).get("properties", {})
        hint = suggest(name, [key for key in known if key not in given])
        if not hint.startswith("did you mean"):
            elsewhere = self._paths.get(name, ())
            hint = _did_you_mean(elsewhere[0]) if len(elsewhere) == 1 else suggest(name, known)
        child = f"{path}.{name}" if path else name
        return Finding(child, f"unknown field {short(name)}", hint, at_key=True)

    def _not_one_of(self, path: str, value: Any, choices: Iterable[Any]) -> Finding:
        known = [choice for choice in choices if choice is not None]
        texts = [choice for choice in known if isinstance(choice, str) and choice]
        # An empty text stands for what is not said, which nobody writes.
        listed = ", ".join(str(choice) for choice in known if choice != "" or len(known) == 1)
        hint = suggest(value, texts) if isinstance(value, str) else ""
        close = hint if hint.startswith("did you mean") else ""
        article = "is none of" if len(known) > 1 else "is not"
        return Finding(path, f"{_given_plainly(value)} {article} {listed}", close)

    def _bad_name(self, path: str, error: "ValidationError") -> Finding:
        name = str(error.instance)
        finding = next(self._of(error))
        child = f"{path}.{name}" if path else name
        return finding._replace(path=child, at_key=True)

    def _wanted(self, error: "ValidationError") -> str:
        title = self._at(error).get("title")
        return str(title) if title else _either(error.kind.value)

    def _about(self, error: "ValidationError") -> str:
        around, kind = self._at(error), error.kind
        matching = f"a text that matches {kind.value}" if kind.name == "pattern" else ""
        return str(around.get("title") or around.get("description") or matching or "see the schema")

    def _at(self, error: "ValidationError") -> Mapping[str, Any]:
        """Return the schema that holds the keyword which complains."""
        place: Any = self._schema
        for step in error.schema_path[:-1]:
            place = place[step]
        return place if isinstance(place, Mapping) else {}

    @cached_property
    def _paths(self) -> dict[str, list[str]]:
        """Every path at which a name is known, to tell where a misplaced field belongs."""
        paths: dict[str, list[str]] = {}
        _collect(self._schema, "", paths)
        return paths


def path_of(steps: Iterable[str | int]) -> str:
    """Return a path as ``Source`` writes it: ``plugins[0].type``."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _without_unusable(value: Any, path: str, unusable: set[str]) -> Any:
    """Return the value with null for each unusable part, whose paths are added to the set."""
    if value is UNUSABLE:
        unusable.add(path)
        return None
    if isinstance(value, dict):
        return {
            key: _without_unusable(part, f"{path}.{key}" if path else key, unusable)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [
            _without_unusable(part, f"{path}[{index}]", unusable)
            for index, part in enumerate(value)
        ]
    return value


def _one_for_each_value(errors: Iterable["ValidationError"]) -> list["ValidationError"]:
    """Return the errors, of several that judge the same value only the one that says most."""
    best: dict[tuple[Any, ...], ValidationError] = {}
    for error in errors:
        judges = error.kind.name in _RANK
        key = (*error.instance_path, None if judges else error.kind.name, judges or str(error))
        if key not in best or _rank(error) < _rank(best[key]):
            best[key] = error
    return list(best.values())


def _rank(error: "ValidationError") -> int:
    return _RANK.index(error.kind.name) if error.kind.name in _RANK else len(_RANK)


def _nearest_branch(
    branches: list[list["ValidationError"]], path: str
) -> list["ValidationError"] | None:
    """Return the errors of the alternative that was probably meant.

    That is one whose mistakes lie deepest inside the value; of those about the value itself, one
    that lists what is allowed.
    """
    candidates = [branch for branch in branches if branch]
    if not candidates:
        return None

    def distance(branch: Iterable["ValidationError"]) -> tuple[bool, int, int]:
        at_top = [error for error in branch if path_of(error.instance_path) == path]
        wrong_kind = any(error.kind.name == "type" for error in at_top)
        return (wrong_kind, min(map(_rank, at_top), default=-1), len(list(branch)))

    return _one_for_each_value(min(candidates, key=distance))


def _collect(schema: Mapping[str, Any], path: str, paths: dict[str, list[str]]) -> None:
    for name, inner in schema.get("properties", {}).items():
        child = f"{path}.{name}" if path else name
        paths.setdefault(name, []).append(child)
        if isinstance(inner, Mapping):
            _collect(inner, child, paths)


def _did_you_mean(name: str) -> str:
    return f"did you mean {name!r}?"


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _refuse(uri: str) -> Any:
    raise ValueError(f"refers to {uri}, and nothing is fetched")


def _either(kinds: str | list[str]) -> str:
    names = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    return " or ".join(_KINDS[name] for name in names)


def _given(value: Any) -> str:
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"the {_noun(value)} {_plain(value)}"


def _given_plainly(value: Any) -> str:
    return _given(value) if isinstance(value, dict | list) or value is None else _plain(value)


def _noun(value: Any) -> str:
    return "text" if isinstance(value, str) else "value" if isinstance(value, bool) else "number"


def _plain(value: Any) -> str:
    """Return a scalar as YAML would have it."""
    return str(value).lower() if isinstance(value, bool) else short(value)


def _last(path: str) -> str:
    return path.rpartition(".")[2]
