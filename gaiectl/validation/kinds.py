"""The schemas of the kinds that we render, compiled together for the kinds of one check.

Kubernetes' own kinds and those of others are in ``gaiectl/schemas``, which ``python .ci/generate``
makes; the Inference APIs are read from the chart that installs them.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gaiectl import documents
from gaiectl.assets import folder
from gaiectl.validation.crds import LIST_KEYS, METADATA, served
from gaiectl.validation.schema import Finding, Schema

_SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"

_NAMES = {
    "Service": "dns-1035-label",
    "Namespace": "dns-label",
    "StatefulSet": "dns-label",  # it is the beginning of its pods' host names
    **dict.fromkeys(("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"), "path-segment"),
}
"""The form of names of a kind, a definition in ``kubernetes.json``; all others are DNS names."""


class Kind(NamedTuple):
    """A kind in one version of its API; the group of Kubernetes' first kinds is empty."""

    name: str
    version: str
    group: str

    def __str__(self) -> str:
        return f"{self.name}.{self.version}.{self.group}".rstrip(".")


class Kinds:
    """Judges objects of some kinds.

    Attributes:
        unknown: those of the kinds that have no schema, with the versions that have one.
    """

    def __init__(self, kinds: Iterable[Kind]) -> None:
        """Load what the kinds need; ``findings`` compiles it when it is first called."""
        self.unknown: dict[Kind, tuple[str, ...]] = {}
        definitions = dict(_kubernetes())
        for kind in kinds:
            if str(kind) in definitions:
                continue
            versions = _versions(kind.name, kind.group)
            if kind.version in versions:
                definitions[str(kind)] = versions[kind.version]
            else:
                self.unknown[kind] = tuple(sorted(versions))
                definitions[str(kind)] = _ANY
        self._definitions = definitions
        # Objects are checked as fields of a map by kind, so that all share one set of definitions,
        # compiled once.
        self._schema = Schema(
            {"$defs": definitions, "properties": {str(kind): _object(kind) for kind in kinds}}
        )

    def findings(self, kind: Kind, document: documents.Document) -> list[Finding]:
        """Return what is wrong with an object; of an unknown kind only its metadata is judged.

        Args:
            kind: one of those that were loaded.
            document: of that kind, and nothing in it that JSON could not hold.
        """
        if str(kind) in _kubernetes():
            document = _without_nulls(document)
        else:  # for a custom resource its definition says what null means
            document = {**document, "metadata": _without_nulls(document.get("metadata"))}
        found = self._schema.findings({str(kind): document})
        paths = [finding.path.removeprefix(str(kind)).removeprefix(".") for finding in found]
        return [
            *(finding._replace(path=path) for finding, path in zip(found, paths, strict=True)),
            *self._twins(self._definitions[str(kind)], document, ""),
        ]

    def _twins(self, schema: dict[str, Any], value: Any, path: str) -> Iterator[Finding]:
        """Yield the lists with entries that an API server cannot tell apart.

        Server-side apply refuses them; a plain create keeps the last one.
        """
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].removeprefix("#/$defs/")]
        if isinstance(value, dict):
            fields, others = schema.get("properties", {}), schema.get("additionalProperties")
            for name, inner in value.items():
                if isinstance(below := fields.get(name, others), dict):
                    yield from self._twins(below, inner, f"{path}.{name}" if path else name)
        elif isinstance(value, list) and "items" in schema:
            if keys := schema.get(LIST_KEYS):
                yield from _alike(keys, value, path)
            for index, inner in enumerate(value):
                yield from self._twins(schema["items"], inner, f"{path}[{index}]")


_ANY = {"properties": {"metadata": {"$ref": f"#/$defs/{METADATA}"}}}


def _object(kind: Kind) -> dict[str, Any]:
    name = {"$ref": f"#/$defs/{_NAMES.get(kind.name, 'dns-subdomain')}", "type": "string"}
    metadata = {"type": "object", "required": ["name"], "properties": {"name": name}}
    return {
        "$ref": f"#/$defs/{kind}",
        "required": ["metadata"],
        "properties": {"metadata": metadata},
    }


def _without_nulls(value: Any) -> Any:
    """Return an object as an API server reads it: a null field is absent."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _alike(keys: list[str], entries: list[Any], path: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        # A port's protocol is the only such key with a default.
        found = {key: entry.get(key, "TCP" if key == "protocol" else None) for key in keys}
        known = json.dumps(found)
        if known in seen:
            same = ", ".join(f"{key} {value}" for key, value in found.items())
            yield Finding(path, f"has two entries with {same}")
        seen.add(known)


def prepare() -> None:
    """Load the validator and Kubernetes' schemas, for a caller who waits for documents anyway."""
    _kubernetes()
    Schema({}).findings(None)


@cache
def _kubernetes() -> dict[str, Any]:
    return _json(_SCHEMAS / "kubernetes.json")


@cache
def _versions(name: str, group: str) -> dict[str, Any]:
    """Return the schemas of a kind by version; empty when we have none."""
    schemas = _SCHEMAS / f"{name}.{group}.json"
    if schemas.is_file():
        return _json(schemas)
    definition = folder("charts") / f"inference-crds/crds/{name.lower()}s.{group}.yaml"
    if definition.is_file():
        return dict(served(documents.load(definition.read_text("utf-8"))[0]))
    return {}


def _json(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return loaded
