"""The configuration the stack's EPP gets: the user's, with the endpoints of this stack."""

from pathlib import Path
from typing import Any

import yaml

from epp.config import ConfigError, load
from epp.config.loader import DEFAULT_TEXT
from gaiectl.errors import GaieError
from gaiectl.rendering.epp_configs import is_preset, preset

DISCOVERY = "file-discovery"

_LORA = "lora-affinity-scorer"
_LORA_WEIGHT = 4
"""More than any other scorer of the built-in configuration: loading an adapter takes long."""


def read(path: str, *, adapters: bool) -> str:
    """Return the user's configuration, or the built-in one when ``path`` is empty.

    Args:
        path: of the user's file, or ``preset:NAME``.
        adapters: the model servers serve LoRA adapters, which the built-in one then looks at.

    Raises:
        GaieError: it cannot be read, or it is not a configuration; every problem is named.
    """
    if not path:
        return _with_lora_affinity(DEFAULT_TEXT) if adapters else DEFAULT_TEXT
    if is_preset(path):
        return preset(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise GaieError(
            f"the EPP configuration {path} cannot be read: {reason}",
            hint="name an EndpointPickerConfig file with --config, or leave it out",
        ) from error
    _validate(text, path)
    return text


def with_endpoints(text: str, endpoints_file: Path, *, source: str) -> str:
    """Return the configuration with its endpoints taken from ``endpoints_file``.

    A ``file-discovery`` plugin that is there is pointed to the file; otherwise one is added.

    Args:
        text: a valid EndpointPickerConfig.
        endpoints_file: what the stack writes.
        source: the name to use in errors.

    Raises:
        GaieError: the text is not a YAML mapping.
    """
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise GaieError(
            f"{source} is not YAML", hint="correct the file", detail=str(error)
        ) from error
    if not isinstance(config, dict):
        raise GaieError(f"{source} is not an EndpointPickerConfig", hint="correct the file")
    plugins: list[dict[str, Any]] = config.setdefault("plugins", [])
    plugin = next((p for p in plugins if p.get("type") == DISCOVERY), None)
    if plugin is None:
        plugin = {"type": DISCOVERY}
        plugins.append(plugin)
    plugin["parameters"] = {"path": str(endpoints_file), "watchFile": True}
    layer: dict[str, Any] = config.setdefault("dataLayer", {})
    layer["discovery"] = {"pluginRef": plugin.get("name", DISCOVERY)}
    return yaml.safe_dump(config, sort_keys=False)


def _with_lora_affinity(text: str) -> str:
    config = yaml.safe_load(text)
    config["plugins"].append({"type": _LORA})
    profile = config["schedulingProfiles"][0]
    profile["plugins"].append({"pluginRef": _LORA, "weight": _LORA_WEIGHT})
    return yaml.safe_dump(config, sort_keys=False)


def _validate(text: str, path: str) -> None:
    """Let the EPP's own rules check the file, so that it is refused before anything starts."""
    try:
        load(text, path)
    except ConfigError as error:
        count = len(error.problems)
        raise GaieError(
            f"the EPP configuration {path} has {count} problem{'s' if count > 1 else ''}",
            hint="correct the file at the lines named above",
            detail="\n".join(str(problem) for problem in error.problems),
        ) from error
