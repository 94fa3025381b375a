"""The configuration and the flags in force, as JSON values; what may be a secret is left out."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from typing import Any

from epp.api.parameters import camel_case, parameters_of
from epp.api.registry import default_registry
from epp.config.loader import Config
from epp.flowcontrol.bands import BandSettings
from epp.flowcontrol.controller import FlowSettings
from epp.server.options import Options

HIDDEN = "(hidden)"
_SECRETS = ("token", "secret", "password", "credential", "apikey")
_NO_SECRETS = ("tokens", "tokenizer", "pertoken")
_LONG = frozenset(("config_text",))


def options_json(options: Options) -> dict[str, Any]:
    """Return all flags by name; of a configuration given inline only its length."""
    return {
        field.name.replace("_", "-"): f"({len(value)} characters)"
        if field.name in _LONG and value
        else value
        for field in fields(Options)
        for value in (getattr(options, field.name),)
    }


def config_json(config: Config) -> dict[str, Any]:
    """Return plugins with all their parameters, and by their names what uses them."""
    names = {id(instance.plugin): instance.name for instance in config.instances}

    def name(plugin: object) -> str:
        """Return the name of an instance, or the type of what is there by default."""
        return names.get(id(plugin)) or next(
            (kind.name for kind in default_registry if kind.cls is type(plugin)),
            type(plugin).__name__,
        )

    return {
        "plugins": [
            {
                "name": instance.name,
                "type": instance.type,
                "parameters": parameters_json(instance.plugin),
            }
            for instance in config.instances
        ],
        "schedulingProfiles": [
            {
                "name": profile.name,
                "filters": [name(part) for part in profile.filters],
                "scorers": [
                    {"name": name(part), "weight": weight} for part, weight in profile.scorers
                ],
                "picker": name(profile.picker),
            }
            for profile in config.profiles.values()
        ],
        "profileHandler": name(config.handler),
        "producers": [name(part) for part in config.producers],
        "admitters": [name(part) for part in config.admitters],
        "parsers": [parser.name for parser in config.parsers],
        "discovery": config.discovery.name if config.discovery else None,
        "saturationDetector": config.detector.name,
        "flowControl": _flow_json(config.flow, name) if config.flow else None,
        "featureGates": sorted(config.feature_gates),
        "warnings": [str(warning) for warning in config.warnings],
    }


def _flow_json(flow: FlowSettings, name: Callable[[object], str]) -> dict[str, Any]:
    """Return limits, of which 0 is none, and the bands; those not listed are like ``others``."""

    def band(settings: BandSettings) -> dict[str, Any]:
        return {
            "fairness": name(settings.fairness),
            "ordering": name(settings.ordering),
            "maxBytes": settings.max_bytes,
            "maxRequests": settings.max_requests,
        }

    return {
        "maxBytes": flow.max_bytes,
        "maxRequests": flow.max_requests,
        "requestTTLSeconds": flow.ttl,
        "noEndpointRequestTTLSeconds": flow.no_endpoint_ttl,
        "usageLimits": name(flow.usage_limits),
        "eviction": [name(part) for part in flow.eviction or ()],
        "bands": [{"priority": p, **band(b)} for p, b in sorted(flow.bands.items(), reverse=True)],
        "others": band(flow.other),
        "othersBelowZero": band(flow.other_negative),
    }


def parameters_json(plugin: object) -> dict[str, Any]:
    """Return the parameters of a plugin by their names in the configuration."""
    if not is_dataclass(plugin):
        return {}
    return {
        parameter.name: _hide(parameter.name, _plain(getattr(plugin, parameter.field, None)))
        for parameter in parameters_of(type(plugin))
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {camel_case(k): _hide(k, _plain(v)) for k, v in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(k): _hide(str(k), _plain(v)) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, float):
        return float(value)
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


def _hide(name: str, value: Any) -> Any:
    """Return the value, unless it is a text under a name that secrets have."""
    plain = name.lower().replace("_", "").replace("-", "")
    for harmless in _NO_SECRETS:
        plain = plain.replace(harmless, "")
    is_secret = isinstance(value, str) and value and any(word in plain for word in _SECRETS)
    return HIDDEN if is_secret else value
