"""Values of the well-lit path's releases, and the EndpointPickerConfigs that it offers."""

from pathlib import Path
from typing import Any

import yaml

from gaiectl import assets
from gaiectl.rendering.environment import environment

_FOLDER = "inference-scheduling"


def values(release: str, **given: Any) -> dict[str, Any]:
    """Return the values of a release.

    Args:
        release: ``infra``, ``gaie``, or ``ms/`` and a profile.
        given: what the template asks for.
    """
    template = environment().get_template(f"{_FOLDER}/{release}.yaml.j2")
    made: dict[str, Any] = yaml.safe_load(template.render(given))
    return made


def epp_config(name: str) -> str:
    """Return the text of an EndpointPickerConfig that the path offers."""
    return _epp_config(name).read_text(encoding="utf-8")


def epp_configs() -> list[str]:
    """Return the names of the EndpointPickerConfigs that the path offers, sorted."""
    return sorted(file.stem for file in _epp_config("x").parent.glob("*.yaml"))


def _epp_config(name: str) -> Path:
    return assets.folder("templates") / _FOLDER / "epp" / f"{name}.yaml"
