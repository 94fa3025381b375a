"""The schemas of rendered objects say what their sources say, and refuse unknown fields."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gaiectl.validation.kinds import Kind, Kinds

ROOT = Path(__file__).parents[2]
SCHEMAS = sorted((ROOT / "gaiectl/schemas").glob("*.json"))
NAMED = [pytest.param(path, id=path.stem) for path in SCHEMAS]


def load(path: Path) -> dict[str, Any]:
    schemas: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schemas


def parts(schema: Any, *, names: bool = False) -> Iterator[dict[str, Any]]:
    """Yield every schema inside a schema, but not the alternatives, which list some fields only."""
    if isinstance(schema, dict):
        if not names:
            yield schema
        for word, inner in schema.items():
            if names or word in ("items", "additionalProperties", "properties"):
                yield from parts(inner, names=word == "properties" and not names)


@pytest.mark.parametrize(
    "path",
    # Of Google's kinds we have no original, so that a field we do not know may well exist.
    [one for one in NAMED if not re.search(r"\.(gke\.io|googleapis\.com)$", one.id or "")],
)
def test_every_map_of_fields_refuses_unknown_ones(path: Path) -> None:
    lenient = [
        schema
        for whole in load(path).values()
        for schema in parts(whole)
        if "properties" in schema and schema.get("additionalProperties", True) is not False
    ]

    assert [sorted(schema["properties"]) for schema in lenient] == []


@pytest.mark.parametrize("path", NAMED)
def test_every_schema_compiles(path: Path) -> None:
    kubernetes = load(ROOT / "gaiectl/schemas/kubernetes.json")
    schemas = load(path)
    validator = jsonschema_rs.Draft202012Validator(
        {"$defs": kubernetes, "properties": schemas}, offline=True
    )

    for name in schemas:
        validator.is_valid({name: {}})  # a broken reference or pattern would raise


@pytest.mark.parametrize(
    "definition", sorted((ROOT / "charts/inference-crds/crds").glob("*.yaml")), ids=lambda p: p.stem
)
def test_the_inference_apis_are_known_by_the_names_of_their_files(definition: Path) -> None:
    plural, _, group = definition.stem.partition(".")
    lines = definition.read_text("utf-8").splitlines()
    kind = next(line.split()[1] for line in lines if line.strip().startswith("kind: Inf"))
    version = next(line.split()[-1] for line in lines if "name: v1" in line)

    assert Kinds([Kind(kind, version, group)]).unknown == {}, plural
