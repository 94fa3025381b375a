"""Plugin objects by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from epp.api.registry import Family, PluginType, Registry
from epp.config.decode import decode
from epp.config.document import PluginEntry
from epp.config.types import UnusableType, find
from epp.reading.source import Source
from epp.reading.suggest import suggest


@dataclass(frozen=True, slots=True)
class Built:
    """One plugin of the configuration.

    Attributes:
        name: what profiles refer to.
        type: its type's name.
        path: where it stands in the file; empty when it was added by default.
        family: what it is for; None when the entry has problems.
        plugin: the object; None when the entry has problems.
    """

    name: str
    type: str
    path: str
    family: Family | None = None
    plugin: Any = None


class Plugins:
    """The plugins of one configuration, in order. Problems are noted in the source."""

    def __init__(self, source: Source, registry: Registry) -> None:
        self._source = source
        self._registry = registry
        self._by_name: dict[str, Built] = {}

    def __iter__(self) -> Iterator[Built]:
        return iter(self._by_name.values())

    def add(self, entry: PluginEntry, path: str) -> None:
        """Make the plugin that the entry describes."""
        name = entry.name or entry.type
        if not name:
            return
        if name in self._by_name:
            line = self._source.line(self._by_name[name].path)
            self._source.add(
                f"{path}.name" if entry.name else f"{path}.type",
                f"plugin name {name!r} is given twice",
                f"first in line {line}; give one of them another 'name'",
            )
            return
        family, plugin = self._make(entry, path)
        self._by_name[name] = Built(name, entry.type, path, family, plugin)

    def add_default(self, type_name: str) -> Built:
        """Add a plugin of the type with default parameters, under a name that is free."""
        name = type_name
        while name in self._by_name:
            name += "-default"
        plugin_type = find(type_name, self._registry)
        built = Built(name, type_name, "", plugin_type.family, plugin_type.cls())
        self._by_name[name] = built
        return built

    def of(self, *families: Family) -> list[Built]:
        """Return the plugins of these families, in order."""
        return [built for built in self._by_name.values() if built.family in families]

    def refer(self, name: str, path: str) -> Built | None:
        """Return the plugin that the reference at the path means; None when it cannot be used."""
        built = self._by_name.get(name)
        if built is None and name:
            hint = suggest(name, self._by_name)
            self._source.add(path, f"no plugin is named {name!r}", hint)
        return built if built and built.family else None

    def _make(self, entry: PluginEntry, path: str) -> tuple[Family | None, Any]:
        if not entry.type:
            return None, None
        try:
            plugin_type = find(entry.type, self._registry)
        except UnusableType as error:
            self._source.add(f"{path}.type", error.message, error.hint)
            return None, None
        self._warn_deprecated(plugin_type, f"{path}.type")
        known_problems = len(self._source.problems)
        path = f"{path}.parameters"
        arguments = decode(plugin_type.cls, self._source, entry.parameters or {}, path)
        if len(self._source.problems) > known_problems:
            return None, None
        try:
            return plugin_type.family, plugin_type.cls(**arguments)
        except ValueError as error:
            self._source.add(path, str(error), f"see the parameters of {entry.type}")
            return None, None

    def _warn_deprecated(self, plugin_type: PluginType, path: str) -> None:
        if plugin_type.successor:
            self._source.warn(
                path, f"{plugin_type.name!r} is deprecated", f"use {plugin_type.successor!r}"
            )
