"""Flags of older releases as fields of a configuration."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from epp.config.releases import Release

_METRICS = {
    "total-queued-requests-metric": "queuedRequestsSpec",
    "total-running-requests-metric": "runningRequestsSpec",
    "kv-cache-usage-percentage-metric": "kvUsageSpec",
    "lora-info-metric": "loraSpec",
    "cache-info-metric": "cacheInfoSpec",
}
_SOURCE = {
    "model-server-metrics-scheme": "scheme",
    "model-server-metrics-path": "path",
    "model-server-metrics-https-insecure-skip-verify": "insecureSkipVerify",
    "model-server-metrics-port": "port",
}
_BOOLEANS = frozenset(("model-server-metrics-https-insecure-skip-verify",))
_OLD_POOL_GROUP = "inference.networking.x-k8s.io"
_POOL_GROUP = "inference.networking.k8s.io"
_ENGINE = "from-flags"
_LABELS = re.compile(r"(\{|,)\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*([^\",}]+)")

_Note = Callable[[str], None]


def convert(
    flags: Sequence[str], document: Any, release: Release, note: _Note, leave: _Note
) -> list[str]:
    """Write what flags say into the document; return the flags that are left.

    Args:
        flags: as on the command line.
        document: takes the fields.
        release: who shall read it.
        note: takes what was changed.
        leave: takes what is left to do.
    """
    engine: dict[str, Any] = {}
    source: dict[str, Any] = {}
    left: list[str] = []
    rest = list(flags)
    while rest:
        flag = rest.pop(0)
        name, equals, value = flag.lstrip("-").partition("=")
        if not flag.startswith("--") or not _is_wanted(name, release):
            left.append(flag)
            continue
        if not equals:
            value = "true" if name in _BOOLEANS else rest.pop(0) if rest else ""
        if name in _METRICS:
            if value.strip('"'):
                engine[_METRICS[name]] = _selector(value.strip('"'))
            note(f"--{name} is now {_METRICS[name]} of the core-metrics-extractor")
        elif name in _SOURCE:
            source[_SOURCE[name]] = _typed(value)
            note(f"--{name} is now {_SOURCE[name]} of the metrics-data-source")
        elif value == _OLD_POOL_GROUP:
            left.append(f"--{name}={_POOL_GROUP}")
            note(f"--{name} is now {_POOL_GROUP}")
            leave(f"the InferencePool itself: create it again as {_POOL_GROUP}/v1")
        else:
            left.append(f"--{name}={value}")
    if engine or source:
        _add(document, engine, source, leave)
    return left


def _is_wanted(name: str, release: Release) -> bool:
    if name == "model-server-metrics-port":
        return release.name != "gaie-1.5"  # its metrics-data-source has no port
    return name in _METRICS or name in _SOURCE or name == "pool-group"


def _typed(value: str) -> Any:
    if value.lower() in ("true", "t", "1", "false", "f", "0"):
        return value.lower() in ("true", "t", "1")
    return int(value) if value.isdecimal() else value


def _selector(spec: str) -> str:
    """Return a metric with the values of its labels in quotes, as in PromQL."""
    return _LABELS.sub(lambda m: f'{m[1]}{m[2]}="{m[3].strip()}"', spec)


def _add(document: Any, engine: dict[str, Any], source: dict[str, Any], leave: _Note) -> None:
    plugins = document.setdefault("plugins", [])
    types = [plugin.get("type") for plugin in plugins if isinstance(plugin, dict)]
    if "core-metrics-extractor" in types or "metrics-data-source" in types:
        leave("the configuration has plugins for metrics already: put the flags into these")
        return
    data: dict[str, Any] = {"type": "metrics-data-source"}
    extractor: dict[str, Any] = {"type": "core-metrics-extractor"}
    if source:
        data["parameters"] = source
    if engine:
        configs = [{"name": _ENGINE, **engine}]
        extractor["parameters"] = {"defaultEngine": _ENGINE, "engineConfigs": configs}
    plugins += [data, extractor]
    reference = {
        "pluginRef": "metrics-data-source",
        "extractors": [{"pluginRef": "core-metrics-extractor"}],
    }
    document.setdefault("dataLayer", {}).setdefault("sources", []).append(reference)
