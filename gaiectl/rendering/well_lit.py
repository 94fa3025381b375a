"""Values of the well-lit path's releases."""

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
    made: dict[str, Any] = yaml.safe_load(template.render(given, versions=versions()))
    return made


def versions() -> dict[str, Any]:
    """Return the versions that the path pins."""
    file = assets.folder("helmfiles") / _FOLDER / "versions.yaml"
    pinned: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return pinned
