"""The JSON Schema of EndpointPickerConfig, made from the dataclasses that decode it."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from inspect import getdoc
from typing import Any, Literal, get_args, get_origin

from epp.api.parameters import Param, Parameter, Quantity, Seconds, parameters_of
from epp.api.registry import PluginType, Registry, default_registry
from epp.config.decode import DURATION_PART, QUANTITY, without_none
from epp.config.document import Document, PluginEntry
from epp.config.features import GATES
from epp.config.releases import PYTHON, TYPES, Release

_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_DURATION = rf"^[-+]?(0|({DURATION_PART})+)$"


def schema(registry: Registry = default_registry, release: Release = PYTHON) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a configuration with these plugin types.

    It says what can be said of a field by itself. References between fields, names that must be
    unique and numbers of pickers are checked by ``load`` only.

    Args:
        registry: the plugin types whose parameters are known.
        release: who shall read the configuration; a Go EPP takes only what it knows.
    """
    document = _object(Document)
    properties = document["properties"]
    properties["featureGates"]["items"]["pattern"] = _gate_pattern(release)
    properties["plugins"]["items"] = _plugin_entry(registry, release)
    if not release.is_own:
        properties["apiVersion"]["enum"] = list(release.api_versions)
        _keep_fields_of(release, document, "")
        if not release.takes_fractions:
            _weight(properties)["type"] = "integer"
        if not release.takes_quantities:
            _take_whole_numbers(properties["flowControl"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"EndpointPickerConfig{'' if release.is_own else f' of {release.title}'}",
        **document,
    }


def _gate_pattern(release: Release) -> str:
    gates = "|".join(GATES if release.is_own else release.gates)
    return f"^({gates}){'(=(true|false))?' if release.takes_gate_states else ''}$"


def _weight(properties: dict[str, Any]) -> dict[str, Any]:
    profile = properties["schedulingProfiles"]["items"]["properties"]
    weight: dict[str, Any] = profile["plugins"]["items"]["properties"]["weight"]
    return weight


def _take_whole_numbers(node: dict[str, Any]) -> None:
    """Take out the suffixes that numbers may have."""
    for inner in node.get("properties", {}).values():
        if inner.get("type") == ["integer", "string"]:
            inner["type"] = "integer"
            del inner["pattern"]
        _take_whole_numbers(inner.get("items", inner))


def _keep_fields_of(release: Release, node: dict[str, Any], path: str) -> None:
    """Take out the fields that the release does not have."""
    properties = node.get("properties", {})
    for name, inner in list(properties.items()):
        child = f"{path}.{name}" if path else name
        if child == "plugins":
            continue
        if not release.has_field(child):
            del properties[name]
        else:
            _keep_fields_of(release, inner.get("items", inner), child)


def _plugin_entry(registry: Registry, release: Release) -> dict[str, Any]:
    entry = _object(PluginEntry)
    kinds = [kind for kind in registry if release.is_own or release.has_type(kind.name)]
    names = {kind.name for kind in kinds}
    if not release.is_own:
        names |= {name for name in TYPES if release.has_type(name)}
    entry["properties"]["type"]["enum"] = sorted(names)
    entry["allOf"] = [_parameters(kind, release) for kind in kinds]
    return entry


def _parameters(plugin_type: PluginType, release: Release) -> dict[str, Any]:
    parameters = _object(plugin_type.cls)
    properties = parameters["properties"]
    for name in list(properties):
        if not release.has_parameter(plugin_type.name, name):
            del properties[name]
    is_required = bool(parameters.get("required"))
    if not is_required:
        parameters["type"] = ["object", "null"]
    then: dict[str, Any] = {"properties": {"parameters": parameters}}
    if is_required:
        then["required"] = ["parameters"]
    # Without "required" the rule would also hold for an entry that has no type.
    return {
        "if": {"properties": {"type": {"const": plugin_type.name}}, "required": ["type"]},
        "then": then,
    }


def _object(cls: type[Any]) -> dict[str, Any]:
    parameters = parameters_of(cls)
    made: dict[str, Any] = {
        "type": "object",
        # Editors show Markdown.
        "description": (getdoc(cls) or "").partition("\n")[0].replace("``", "`"),
        "additionalProperties": False,
        "properties": {parameter.name: _property(parameter) for parameter in parameters},
    }
    if required := [parameter.name for parameter in parameters if parameter.is_required]:
        made["required"] = required
    return made


def _property(parameter: Parameter) -> dict[str, Any]:
    made = _value(parameter.type, parameter.about)
    made["description"] = parameter.about.description
    default = parameter.default
    if not parameter.is_required and isinstance(default, str | int | float) and default != "":
        made["default"] = f"{default:g}s" if isinstance(default, Seconds) else default
    return made


def _value(kind: Any, about: Param) -> dict[str, Any]:
    kind = without_none(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return {**_object(kind), "type": ["object", "null"]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        items = _value(inner[0], about)
        if items.get("type") == ["object", "null"]:
            items["type"] = "object"
        return {"type": ["array", "null"], "items": items}
    if origin is Mapping:
        return {"type": ["object", "null"]}
    if kind is Seconds:
        return {"type": "string", "pattern": _DURATION}
    if kind is Quantity:
        return {"type": ["integer", "string"], "pattern": f"^{QUANTITY}$", **_range(int, about)}
    if kind not in _JSON_TYPES:
        return {}
    return {"type": _JSON_TYPES[kind], **_range(kind, about)}


def _range(kind: type[Any], about: Param) -> dict[str, Any]:
    if kind is str:
        return {} if about.minimum is None else {"minLength": about.minimum}
    words = {"minimum": about.minimum, "maximum": about.maximum, "exclusiveMinimum": about.above}
    return {word: bound for word, bound in words.items() if bound is not None}
