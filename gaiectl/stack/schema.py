"""The JSON Schema of ``gaie.yaml``, and a first file with everything explained."""

import json
from collections.abc import Iterator
from typing import Any

from gaiectl.stack.fields import schema_of
from gaiectl.stack.model import API_VERSION, KIND, PROFILES, Stack


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``gaie.yaml``."""
    made = schema_of(Stack)
    head = {
        "apiVersion": {"const": API_VERSION, "description": "version of this format"},
        "kind": {"const": KIND, "description": "what this file holds"},
    }
    ports = made["properties"]["modelServer"]["properties"]["targetPorts"]["items"]
    ports |= {"minimum": 1, "maximum": 65535}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gaie.yaml",
        "description": "A gaiectl stack: what to deploy.",
        **made,
        "properties": head | made["properties"],
        "allOf": [
            {
                "if": {"properties": {"path": {"const": str(path)}}, "required": ["path"]},
                "then": {"properties": {"profile": {"enum": ["", *map(str, variants)]}}},
            }
            for path, variants in PROFILES.items()
        ],
    }


def commented(values: dict[str, Any]) -> str:
    """Return a ``gaie.yaml`` with these values set and every other field as a comment.

    Args:
        values: as in the file, nested; for example ``{"name": "llm"}``.
    """
    lines = [
        "# What to deploy. gaiectl render --stack gaie.yaml shows what becomes of it;",
        "# gaiectl schema stack > stack.schema.json lets an editor complete it.",
        f"apiVersion: {API_VERSION}",
        f"kind: {KIND}",
    ]
    return "\n".join([*lines, *_fields(schema_of(Stack), values, "")]) + "\n"


def _fields(part: dict[str, Any], values: dict[str, Any], indent: str) -> Iterator[str]:
    for name, field in part["properties"].items():
        text = field["description"]
        if "properties" in field:
            yield f"{indent}{name}:  # {text}"
            yield from _fields(field, values.get(name, {}), indent + "  ")
        elif name in values:
            yield f"{indent}{name}: {json.dumps(values[name])}  # {text}"
        else:
            yield f"{indent}# {name}: {json.dumps(field.get('default', _empty(field)))}  # {text}"


def _empty(field: dict[str, Any]) -> Any:
    kind = field.get("type", "")
    return {"array": [], "object": {}}.get(kind) if isinstance(kind, str) else None
