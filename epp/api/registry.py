"""The table of plugin types. One record per type; a duplicate is an error.

``default_registry`` holds the built-ins: importing ``epp.plugins`` fills it. Tests that need types
of their own make a ``Registry`` of their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from typing import Any, TypeVar

from epp.api.plugin import DiscoverySource, Filter, Picker, ProfileHandler, Scorer


class Family(StrEnum):
    """What a plugin is for. A type belongs to exactly one family."""

    FILTER = "filter"
    SCORER = "scorer"
    PICKER = "picker"
    PROFILE_HANDLER = "profile handler"
    DISCOVERY = "discovery"


@dataclass(frozen=True, slots=True)
class PluginType:
    """One registered type.

    Attributes:
        name: the ``type`` in the configuration, for example ``queue-scorer``.
        family: what it is for.
        cls: the frozen dataclass; its init fields are the parameters.
        successor: for a deprecated type, the type that replaces it.
    """

    name: str
    family: Family
    cls: type[Any]
    successor: str = ""


class Registry:
    """Plugin types by name."""

    def __init__(self) -> None:
        self._types: dict[str, PluginType] = {}

    def add(self, plugin_type: PluginType) -> None:
        """Register a type.

        Raises:
            ValueError: the name is taken, or the class is not a dataclass.
        """
        if plugin_type.name in self._types:
            raise ValueError(f"plugin type {plugin_type.name!r} is registered twice")
        if not is_dataclass(plugin_type.cls):
            raise ValueError(f"{plugin_type.cls.__name__} must be a dataclass")
        self._types[plugin_type.name] = plugin_type

    def get(self, name: str) -> PluginType | None:
        """Return the type, or None when it is unknown."""
        return self._types.get(name)

    def names(self) -> list[str]:
        """Return all type names, sorted."""
        return sorted(self._types)

    def __iter__(self) -> Iterator[PluginType]:
        return iter(self._types[name] for name in self.names())


default_registry = Registry()

_F = TypeVar("_F", bound=Filter)
_S = TypeVar("_S", bound=Scorer)
_P = TypeVar("_P", bound=Picker)
_H = TypeVar("_H", bound=ProfileHandler)
_D = TypeVar("_D", bound=DiscoverySource)


def _register(name: str, family: Family, registry: Registry) -> Callable[[type[Any]], None]:
    def add(cls: type[Any]) -> None:
        registry.add(PluginType(name, family, cls))

    return add


def filter_(name: str, *, registry: Registry = default_registry) -> Callable[[type[_F]], type[_F]]:
    """Register a filter type; the underscore keeps the built-in ``filter`` usable."""

    def decorate(cls: type[_F]) -> type[_F]:
        _register(name, Family.FILTER, registry)(cls)
        return cls

    return decorate


def scorer(name: str, *, registry: Registry = default_registry) -> Callable[[type[_S]], type[_S]]:
    """Register a scorer type."""

    def decorate(cls: type[_S]) -> type[_S]:
        _register(name, Family.SCORER, registry)(cls)
        return cls

    return decorate


def picker(name: str, *, registry: Registry = default_registry) -> Callable[[type[_P]], type[_P]]:
    """Register a picker type."""

    def decorate(cls: type[_P]) -> type[_P]:
        _register(name, Family.PICKER, registry)(cls)
        return cls

    return decorate


def profile_handler(
    name: str, *, registry: Registry = default_registry
) -> Callable[[type[_H]], type[_H]]:
    """Register a profile handler type."""

    def decorate(cls: type[_H]) -> type[_H]:
        _register(name, Family.PROFILE_HANDLER, registry)(cls)
        return cls

    return decorate


def discovery(
    name: str, *, registry: Registry = default_registry
) -> Callable[[type[_D]], type[_D]]:
    """Register a discovery type."""

    def decorate(cls: type[_D]) -> type[_D]:
        _register(name, Family.DISCOVERY, registry)(cls)
        return cls

    return decorate
