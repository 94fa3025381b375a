"""Ready configurations that come with the EPP: ``preset:NAME`` in place of a file's path."""

from importlib.resources import files

from epp.api.errors import ConfigError, Problem
from epp.reading.suggest import suggest

PREFIX = "preset:"
_SUFFIX = ".yaml"
_FOLDER = files("epp.config") / "presets"


def is_preset(file: str) -> bool:
    """Tell whether this names a ready configuration instead of a file."""
    return file.startswith(PREFIX)


def names() -> list[str]:
    """Return what there is, sorted."""
    found = (item.name for item in _FOLDER.iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX))


def read(name: str) -> str:
    """Return the text of a ready configuration.

    Args:
        name: with or without ``preset:`` before it.

    Raises:
        ConfigError: there is none of this name.
    """
    wanted = name.removeprefix(PREFIX)
    known = names()
    if wanted not in known:
        problem = Problem(f"no preset is named {wanted!r}", file=name, hint=suggest(wanted, known))
        raise ConfigError([problem])
    return (_FOLDER / f"{wanted}{_SUFFIX}").read_text(encoding="utf-8")
