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
    """What a plugin is for."""

    FILTER = "filter"
    SCORER = "scorer"
    PICKER = "picker"
    PROFILE_HANDLER = "profile handler"
    DECIDER = "decider"
    PRODUCER = "producer"
    ADMITTER = "admitter"
    SATURATION_DETECTOR = "saturation detector"
    ORDERING_POLICY = "ordering policy"
    FAIRNESS_POLICY = "fairness policy"
    USAGE_LIMIT_POLICY = "usage limit policy"
    EVICTION_FILTER = "eviction filter"
    EVICTION_ORDER = "eviction order"
    DATA_SOURCE = "data source"
    EXTRACTOR = "extractor"
    PARSER = "parser"
    RESPONSE_HOOK = "response hook"
    DISCOVERY = "discovery"
    PEER_DISCOVERY = "peer discovery"
    SYNCER = "syncer"


@dataclass(frozen=True, slots=True)
class PluginType:
    """One registered type.

    Attributes:
        name: the ``type`` in the configuration, for example ``queue-scorer``.
        family: what it is for first of all.
        cls: the frozen dataclass; its init fields are the parameters.
        successor: for a deprecated type, the type that replaces it.
        also: what else it is for.
        is_alpha: its maker calls it experimental (llm-d-router's alpha types).
    """

    name: str
    family: Family
    cls: type[Any]
    successor: str = ""
    also: tuple[Family, ...] = ()
    is_alpha: bool = False

    def serves(self, family: Family) -> bool:
        """Tell whether it is for this."""
        return family is self.family or family in self.also


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
_T = TypeVar("_T")


def plugin(
    name: str,
    family: Family,
    *also: Family,
    successor: str = "",
    is_alpha: bool = False,
    registry: Registry = default_registry,
) -> Callable[[type[_T]], type[_T]]:
    """Register a type; the decorators below do it for the usual families, and check more.

    Args:
        name: the ``type`` in the configuration.
        family: what it is for first of all.
        also: what else it is for.
        successor: for a deprecated type, the type that replaces it.
        is_alpha: it is experimental.
        registry: the table to add it to.
    """

    def decorate(cls: type[_T]) -> type[_T]:
        registry.add(PluginType(name, family, cls, successor, also, is_alpha))
        return cls

    return decorate


def filter_(name: str, *, registry: Registry = default_registry) -> Callable[[type[_F]], type[_F]]:
    """Register a filter type; the underscore keeps the built-in ``filter`` usable."""
    return plugin(name, Family.FILTER, registry=registry)


def scorer(name: str, *, registry: Registry = default_registry) -> Callable[[type[_S]], type[_S]]:
    """Register a scorer type."""
    return plugin(name, Family.SCORER, registry=registry)


def picker(name: str, *, registry: Registry = default_registry) -> Callable[[type[_P]], type[_P]]:
    """Register a picker type."""
    return plugin(name, Family.PICKER, registry=registry)


def profile_handler(
    name: str, *, registry: Registry = default_registry
) -> Callable[[type[_H]], type[_H]]:
    """Register a profile handler type."""
    return plugin(name, Family.PROFILE_HANDLER, registry=registry)


def discovery(
    name: str, *, registry: Registry = default_registry
) -> Callable[[type[_D]], type[_D]]:
    """Register a discovery type."""
    return plugin(name, Family.DISCOVERY, registry=registry)
