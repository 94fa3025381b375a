"""Finding plugin types: the built-in ones, and those that other distributions bring.

A distribution registers a type with the decorators of ``epp.api.registry`` in a module that it
names in the entry-point group ``epp.plugins``, under the name of the type:

    [project.entry-points."epp.plugins"]
    moon-phase-scorer = "my_package.moon_phase"

Such a module is imported only when a configuration uses the type and no built-in has its name.
"""

from typing import TYPE_CHECKING

import epp.plugins  # noqa: F401 - registers the built-in types
from epp.api.registry import PluginType, Registry, default_registry
from epp.reading.suggest import suggest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

GROUP = "epp.plugins"


class UnusableType(Exception):
    """No such type can be had.

    Attributes:
        message: why.
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def find(name: str, registry: Registry) -> PluginType:
    """Return the type.

    Raises:
        UnusableType: nobody registers the name, or the module that should cannot be imported.
    """
    known = registry.get(name)
    if known is not None:
        return known
    others = _entry_points() if registry is default_registry else ()
    for entry in others:
        if entry.name != name:
            continue
        origin = entry.dist.name if entry.dist else "another distribution"
        try:
            entry.load()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise UnusableType(
                f"plugin type {name!r} of {origin} cannot be imported: {reason}",
                f"reinstall or remove {origin}",
            ) from error
        found = registry.get(name)
        if found is None:
            raise UnusableType(
                f"{entry.value} of {origin} does not register the plugin type {name!r}",
                f"tell the authors of {origin}",
            )
        return found
    names = [*registry.names(), *(entry.name for entry in others)]
    raise UnusableType(f"unknown plugin type {name!r}", suggest(name, names))


def _entry_points() -> "EntryPoints":
    from importlib.metadata import entry_points  # noqa: PLC0415 - 20 ms, for rare types only

    return entry_points(group=GROUP)
