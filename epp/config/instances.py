"""Plugin objects by name."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from epp.api.plugin import Connected, Instance
from epp.api.registry import Family, PluginType, Registry
from epp.config.decode import decode
from epp.config.document import PluginEntry
from epp.config.release_types import check_type, judge_parameters
from epp.config.releases import PYTHON, Release
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
        kind: its registered type; None when the entry has problems, or when only another release
            has it.
        plugin: the object; None when the entry has problems.
        parameters: as written.
    """

    name: str
    type: str
    path: str
    kind: PluginType | None = None
    plugin: Any = None
    parameters: Any = None

    @property
    def family(self) -> Family | None:
        """What it is for first of all; None when the entry has problems."""
        return self.kind.family if self.kind else None

    def serves(self, *families: Family) -> bool:
        """Tell whether it is for one of these."""
        return self.kind is not None and any(map(self.kind.serves, families))


class Plugins:
    """The plugins of one configuration, in order. Problems are noted in the source."""

    def __init__(self, source: Source, registry: Registry, release: Release = PYTHON) -> None:
        self._source = source
        self._registry = registry
        self._release = release
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
                code="duplicate-name",
            )
            return
        kind, plugin = self._make(entry, path)
        self._by_name[name] = Built(name, entry.type, path, kind, plugin, entry.parameters)

    def add_default(self, type_name: str) -> Built:
        """Add a plugin of the type with default parameters, under a name that is free."""
        name = type_name
        while name in self._by_name:
            name += "-default"
        plugin_type = find(type_name, self._registry)
        built = Built(name, type_name, "", plugin_type, plugin_type.cls())
        self._by_name[name] = built
        return built

    def add_default_if_any(self, type_name: str) -> None:
        """Add a plugin of the type with default parameters if there is such a type."""
        if self._registry.get(type_name) is not None:
            self.add_default(type_name)

    def of(self, *families: Family) -> list[Built]:
        """Return the plugins of these families, in order."""
        return [built for built in self._by_name.values() if built.serves(*families)]

    def refer(
        self, name: str, path: str, *families: Family, beside: Collection[str] = ()
    ) -> Built | None:
        """Return the plugin that the reference at the path means; None when it cannot be used.

        Args:
            name: what is referred to.
            path: of the reference.
            families: what it should be for, if not anything will do.
            beside: what can be referred to without being among the plugins.
        """
        built = self._by_name.get(name)
        if built is None and name:
            hint = self._hint(name, families, beside)
            self._source.add(path, f"no plugin is named {name!r}", hint, code="unknown-reference")
        return built if built and built.kind else None

    def _hint(self, name: str, families: Sequence[Family], beside: Collection[str]) -> str:
        kind = self._registry.get(name)
        if kind is not None and (not families or any(map(kind.serves, families))):
            return f"it is a type: add '- type: {name}' to plugins"
        fitting = (b.name for b in self if not families or b.kind is None or b.serves(*families))
        return suggest(name, {*beside, *fitting})

    def connect(self) -> None:
        """Introduce to each other those that work together."""
        usable = [built for built in self if built.plugin is not None]
        instances = {b.name: Instance(b.name, b.type, b.plugin) for b in usable}
        for built in usable:
            if isinstance(built.plugin, Connected) and (
                objection := built.plugin.connect(built.name, instances)
            ):
                self._source.add(
                    built.path, f"{built.name!r}: {objection}", "change the plugins", code="wiring"
                )

    def _make(self, entry: PluginEntry, path: str) -> tuple[PluginType | None, Any]:
        source, release = self._source, self._release
        if not entry.type:
            return None, None
        is_known = check_type(entry.type, f"{path}.type", source, self._registry, release)
        try:
            plugin_type = find(entry.type, self._registry)
        except UnusableType as error:
            if release.is_own:
                source.add(f"{path}.type", error.message, error.hint, code="unknown-type")
            return None, None
        path = f"{path}.parameters"
        before = tuple(source.problems)
        arguments = decode(plugin_type.cls, source, entry.parameters or {}, path, folds_case=True)
        judge_parameters(entry.type, path, source, before, release)
        if len(source.problems) > len(before) or not is_known:
            return None, None
        try:
            return plugin_type, plugin_type.cls(**arguments)
        except ValueError as error:
            source.add(path, str(error), f"see the parameters of {entry.type}")
        except TypeError:
            if release.is_own:
                raise
        return None, None
