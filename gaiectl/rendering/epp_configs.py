"""EndpointPickerConfigs for those who do not want to write one."""

from gaiectl import assets
from gaiectl.rendering.environment import environment

_SUFFIX = ".yaml.j2"


def names() -> list[str]:
    """Return what there is, sorted."""
    folder = assets.folder("templates") / "epp"
    return sorted(file.name.removesuffix(_SUFFIX) for file in folder.glob(f"*{_SUFFIX}"))


def text(name: str, **given: str) -> str:
    """Return an EndpointPickerConfig.

    Args:
        name: one of ``names``.
        given: ``tokenizer``, the Service that makes tokens of text.
    """
    return environment().get_template(f"epp/{name}{_SUFFIX}").render(given)
