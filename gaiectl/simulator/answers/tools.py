"""Tool calls for clients that insist on one: the smallest arguments that fit the schema."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gaiectl.simulator.failures import ApiError

_MAX_DEPTH = 16


def demanded(tools: Sequence[Mapping[str, Any]], choice: Any) -> tuple[str, str] | None:
    """Return the function to call and its arguments as JSON text, None if none must be called.

    Raises:
        ApiError: 400, ``tool_choice`` demands a tool that is not there.
    """
    if choice in (None, "auto", "none"):
        return None
    functions = {
        str(tool["function"].get("name")): tool["function"]
        for tool in tools
        if isinstance(tool.get("function"), Mapping)
    }
    if choice == "required":
        name = next(iter(functions), "")
    elif isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        name = str(choice["function"].get("name"))
    else:
        raise ApiError(400, f"tool_choice: {choice!r} is not supported", "tool_choice")
    if name not in functions:
        raise ApiError(400, f"tool_choice: no tool {name!r} among the tools", "tool_choice")
    schema = functions[name].get("parameters") or {"type": "object"}
    return name, orjson.dumps(smallest(schema)).decode()


def smallest(schema: Any, depth: int = 0) -> Any:
    """Return the smallest value that fits a JSON schema of the common kinds."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return None
    for fixed in ("const", "default"):
        if fixed in schema:
            return schema[fixed]
    if schema.get("enum"):
        return schema["enum"][0]
    for union in ("anyOf", "oneOf"):
        if schema.get(union):
            return smallest(schema[union][0], depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        wanted = [name for name in schema.get("required") or () if name in properties]
        return {name: smallest(properties[name], depth + 1) for name in wanted}
    if kind == "array":
        return [smallest(schema.get("items"), depth + 1)] * int(schema.get("minItems") or 0)
    if kind == "string":
        return "text".ljust(int(schema.get("minLength") or 0), "t")
    if kind in {"integer", "number"}:
        return schema.get("minimum", 0)
    return False if kind == "boolean" else None
