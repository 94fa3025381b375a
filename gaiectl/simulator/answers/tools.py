"""Tool calls for clients that insist on one: the smallest arguments that fit the schema."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gaiectl.simulator.failures import ApiError

_MAX_DEPTH = 8
_MAX_SIZE = 16


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
    """Return the smallest value that fits a JSON schema of the common kinds.

    Nonsense in the schema is passed over, and sizes end at a bound, as the client makes both up.
    """
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return None
    for fixed in ("const", "default"):
        if fixed in schema:
            return schema[fixed]
    if options := _list(schema, "enum"):
        return options[0]
    for union in ("anyOf", "oneOf"):
        if options := _list(schema, union):
            return smallest(options[0], depth + 1)
    kind = (_list(schema, "type") or [schema.get("type")])[0]
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        wanted = [name for name in _list(schema, "required") if isinstance(name, str)]
        return {
            name: smallest(properties[name], depth + 1) for name in wanted if name in properties
        }
    if kind == "array":
        return [smallest(schema.get("items"), depth + 1)] * _size(schema, "minItems")
    if kind == "string":
        return "text".ljust(_size(schema, "minLength"), "t")
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return False if kind == "boolean" else None


def _list(schema: Mapping[str, Any], name: str) -> list[Any]:
    value = schema.get(name)
    return value if isinstance(value, list) else []


def _size(schema: Mapping[str, Any], name: str) -> int:
    value = schema.get(name)
    return max(0, min(value, _MAX_SIZE)) if isinstance(value, int) else 0
