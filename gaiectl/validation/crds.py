"""CustomResourceDefinitions as strict JSON Schemas.

Structural schemas (``apiextensions.k8s.io/v1``) are OpenAPI v3 with a few keywords of Kubernetes.
An API server drops unknown fields with a warning at best; here they are mistakes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]

METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
"""The definition of ``metadata`` in the schemas of Kubernetes' own kinds."""

LIST_KEYS = "x-kubernetes-list-map-keys"
"""Names the fields by which entries of a list are told apart."""

_KEPT = frozenset(
    (
        *("type", "required", "enum", "pattern", "minimum", "maximum", "multipleOf"),
        *("minLength", "maxLength", "minItems", "maxItems", "uniqueItems"),
        *("minProperties", "maxProperties", LIST_KEYS),
    )
)


def served(definition: Mapping[str, Any]) -> Iterator[tuple[str, Schema]]:
    """Yield the name and the JSON Schema of each served version of a CustomResourceDefinition.

    Objects without ``additionalProperties`` refuse unknown fields; ``metadata`` refers to the
    definition called ``METADATA``; a status may hold anything, as nobody renders one.
    """
    for version in definition["spec"]["versions"]:
        if version["served"]:
            yield version["name"], _root(version["schema"]["openAPIV3Schema"])


def _root(openapi: Mapping[str, Any]) -> Schema:
    schema = strict(openapi)
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": f"#/$defs/{METADATA}"},
    }
    if "status" in schema["properties"]:
        schema["properties"]["status"] = {"type": ["object", "null"]}
    return schema


def strict(openapi: Mapping[str, Any], *, part: bool = False) -> Schema:
    """Return a structural schema as a JSON Schema that refuses unknown fields.

    Args:
        openapi: the structural schema, or a part of it.
        part: the schema stands inside ``allOf``, ``anyOf``, ``oneOf`` or ``not`` and lists only
            some of the fields.
    """
    schema = {word: value for word, value in openapi.items() if word in _KEPT}
    if openapi.get("x-kubernetes-int-or-string"):
        schema["type"] = ["integer", "string"]
    for bound in ("Minimum", "Maximum"):
        if openapi.get(f"exclusive{bound}"):
            schema[f"exclusive{bound}"] = schema.pop(bound.lower())
    # int-or-string is written out once more as anyOf; and alternatives that ask for a field with a
    # default are met, or not, by the default.
    has_defaults = any("default" in inner for inner in openapi.get("properties", {}).values())
    for word in ("allOf", "anyOf", "oneOf"):
        if word in openapi and not has_defaults and "x-kubernetes-int-or-string" not in openapi:
            schema[word] = [strict(inner, part=True) for inner in openapi[word]]
    if "not" in openapi:
        schema["not"] = strict(openapi["not"], part=True)
    if "items" in openapi:
        schema["items"] = strict(openapi["items"], part=part)
    if "properties" in openapi:
        schema["properties"] = {
            name: strict(inner, part=part) for name, inner in openapi["properties"].items()
        }
    match openapi.get("additionalProperties"):
        case Mapping() as values:
            schema["additionalProperties"] = strict(values, part=part)
        case None if not part and "properties" in openapi and not _open(openapi):
            schema["additionalProperties"] = False
    # A default takes the place of null.
    if openapi.get("nullable") or "default" in openapi:
        _allow_null(schema)
    if "pattern" in schema:
        schema["title"] = f"a text that matches {schema['pattern']}"
    _explain_choice(schema.get("oneOf", []))
    return schema


def _allow_null(schema: Schema) -> None:
    """Let null stand for an absent value."""
    types = schema.get("type", [])
    listed = [types] if isinstance(types, str) else types
    if listed and "null" not in listed:
        schema["type"] = [*listed, "null"]
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]


def _explain_choice(branches: list[Schema]) -> None:
    """Say in each branch which fields exclude each other: any of them may be the one that fails."""
    fields = dict.fromkeys(name for branch in branches for name in branch.get("required", ()))
    for branch in branches if fields else ():
        branch["title"] = f"one of the fields {', '.join(fields)} and no other"


def _open(openapi: Mapping[str, Any]) -> bool:
    return bool(openapi.get("x-kubernetes-preserve-unknown-fields"))
