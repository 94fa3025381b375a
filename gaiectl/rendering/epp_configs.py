"""EndpointPickerConfigs for those who do not want to write one."""

from difflib import get_close_matches

from gaiectl import assets
from gaiectl.errors import UsageError
from gaiectl.rendering.environment import environment

PREFIX = "preset:"
"""What stands before a name where a file could stand, here as for the EPP itself."""

PRECISE = "precise-prefix-aware"
"""The one that needs something else: model servers that tell of their caches, and a tokenizer."""

_SUFFIX = ".yaml.j2"


def is_preset(config: str) -> bool:
    """Tell whether this names a ready configuration instead of a file."""
    return config.startswith(PREFIX)


def preset(config: str) -> str:
    """Return the ready configuration that is called so: one of ours, or of the EPP's own.

    Args:
        config: ``preset:NAME``.

    Raises:
        UsageError: there is none of this name, or it is one that not every stack can have.
    """
    from epp.config import presets  # noqa: PLC0415 - takes long, and most stacks need none

    name, ours, its_own = config.removeprefix(PREFIX), names(), presets.names()
    if name == PRECISE:
        raise UsageError(
            f"{config} needs model servers that publish KV events, and one that makes tokens",
            hint="gaiectl install inference-scheduling --profile precise brings these; for servers "
            "of your own, write the address of yours into a file: gaiectl epp plugins "
            "precise-prefix-cache-producer",
        )
    if name in ours:
        return text(name)
    if name in its_own:
        return presets.read(name)
    known = sorted((*ours, *its_own))
    close = get_close_matches(name, known, n=1)
    raise UsageError(
        f"no EPP configuration is called {name!r}",
        hint=f"did you mean {PREFIX}{close[0]}?" if close else f"there is {', '.join(known)}",
    )


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
