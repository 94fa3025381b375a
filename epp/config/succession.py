"""How a new configuration takes the place of one in use, without losing what it has learned."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from epp.api.plugin import Connected, Heir, Instance
from epp.api.registry import Family, Registry, default_registry
from epp.config.flow import FlowSettings
from epp.config.loader import Config
from epp.flowcontrol.bands import BandSettings
from epp.reading.source import parse
from epp.scheduling.profile import Profile

_FIXED_FAMILIES = frozenset(
    (
        *(Family.DATA_SOURCE, Family.EXTRACTOR, Family.PARSER),
        *(Family.DISCOVERY, Family.PEER_DISCOVERY, Family.SYNCER),
    )
)
_FIXED_FIELDS = ("data", "dataLayer", "parser", "requestHandler")


@dataclass(frozen=True, slots=True)
class Succession:
    """What becomes of a change.

    Attributes:
        config: the one to use: what did not change in it are the objects in use.
        kept: names of the plugins that stay as they are.
        heirs: names of those that took over another one's memory.
        fresh: names of those that start without memory.
        gone: names of those that are not there any more.
    """

    config: Config
    kept: tuple[str, ...]
    heirs: tuple[str, ...]
    fresh: tuple[str, ...]
    gone: tuple[str, ...]


def fixed_changes(old: str, new: str, registry: Registry = default_registry) -> list[str]:
    """Return the parts of a text that changed and need a restart, as paths and plugin names.

    Both texts can be used.
    """
    before, after = (_document(text) for text in (old, new))
    changed = [name for name in _FIXED_FIELDS if before.get(name) != after.get(name)]
    plugins = [_fixed_plugins(document, registry) for document in (before, after)]
    names = sorted({*plugins[0], *plugins[1]})
    return changed + [f"plugin {n}" for n in names if plugins[0].get(n) != plugins[1].get(n)]


def _document(text: str) -> dict[str, Any]:
    value = parse(text, "").value
    return value if isinstance(value, dict) else {}


def _fixed_plugins(document: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    return {
        str(entry.get("name") or entry["type"]): entry
        for entry in document.get("plugins") or ()
        if _is_fixed(entry["type"], registry)
    }


def _is_fixed(type_name: str, registry: Registry) -> bool:
    kind = registry.get(type_name)
    return kind is not None and kind.family in _FIXED_FAMILIES


def succeed(old: Config, new: Config, registry: Registry = default_registry) -> Succession:
    """Return the new configuration on top of the old one.

    A plugin of the same name, type and parameters stays the object that it is. One whose parameters
    changed takes over the memory of its predecessor, if its type can. What the server holds on to
    (discovery, the data layer, parsers) stays as it was.

    Raises:
        ValueError: plugins that work together refuse each other; those that stay may know new ones
            already, so that ``connect`` must follow for the old configuration.
    """
    before = {instance.name: instance for instance in old.instances}
    replaced: dict[int, Any] = {}
    names: dict[str, list[str]] = {"kept": [], "heirs": [], "fresh": []}
    heirs: list[tuple[Heir, object]] = []
    for instance in new.instances:
        was = before.get(instance.name)
        if was is None or was.type != instance.type:
            names["fresh"].append(instance.name)
        elif _is_fixed(instance.type, registry) or _is_same(was.plugin, instance.plugin):
            replaced[id(instance.plugin)] = was.plugin
            names["kept"].append(instance.name)
        elif isinstance(instance.plugin, Heir):
            heirs.append((instance.plugin, was.plugin))
            names["heirs"].append(instance.name)
        else:
            names["fresh"].append(instance.name)
    staying = {instance.name for instance in new.instances}
    gone = [i for i in old.instances if i.name not in staying]
    pinned = [instance for instance in gone if _is_fixed(instance.type, registry)]
    config = _with(old, new, replaced, pinned)
    if names["fresh"] or heirs or gone:
        connect(config.instances)
    for heir, predecessor in heirs:
        heir.inherit(predecessor)
    return Succession(
        config,
        kept=tuple(names["kept"]),
        heirs=tuple(names["heirs"]),
        fresh=tuple(names["fresh"]),
        gone=tuple(i.name for i in gone if i not in pinned),
    )


def _is_same(one: object, other: object) -> bool:
    return type(one) is type(other) and _parameters(one) == _parameters(other)


def _parameters(plugin: Any) -> list[Any]:
    return [getattr(plugin, item.name) for item in fields(plugin) if item.init]


def connect(instances: Iterable[Instance]) -> None:
    """Introduce the plugins to each other, those that stay to those that come.

    Raises:
        ValueError: one of them objects.
    """
    named = {instance.name: instance for instance in instances}
    for name, instance in named.items():
        if isinstance(instance.plugin, Connected) and (
            objection := instance.plugin.connect(name, named)
        ):
            raise ValueError(f"{name!r}: {objection}")


def _with(
    old: Config, new: Config, replaced: Mapping[int, Any], pinned: Iterable[Instance]
) -> Config:
    def of(plugin: Any) -> Any:
        return replaced.get(id(plugin), plugin)

    return replace(
        new,
        instances=(*(i._replace(plugin=of(i.plugin)) for i in new.instances), *pinned),
        profiles={name: _profile(profile, of) for name, profile in new.profiles.items()},
        handler=of(new.handler),
        producers=tuple(map(of, new.producers)),
        admitters=tuple(map(of, new.admitters)),
        discovery=old.discovery,
        data=old.data,
        flow=_swapped(new.flow, replaced),
        parsers=old.parsers,
        detector=_swapped(new.detector, replaced),
    )


def _swapped(value: Any, replaced: Mapping[int, Any]) -> Any:
    """Return settings with the plugins in them replaced, however deep they are."""
    if id(value) in replaced:
        return replaced[id(value)]
    if isinstance(value, Mapping):
        return {key: _swapped(inner, replaced) for key, inner in value.items()}
    if isinstance(value, tuple):
        parts = [_swapped(inner, replaced) for inner in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, FlowSettings | BandSettings):
        parts_by_name = {f.name: _swapped(getattr(value, f.name), replaced) for f in fields(value)}
        return replace(value, **parts_by_name)
    return value


def _profile(profile: Profile, of: Callable[[Any], Any]) -> Profile:
    return Profile(
        profile.name,
        of(profile.picker),
        tuple(map(of, profile.filters)),
        tuple((of(scorer), weight) for scorer, weight in profile.scorers),
    )
