"""``dataLayer``: which data sources feed which extractors, and how replicas share state.

A source of load figures is there without being written down, as in GAIE 1.5 and llm-d-router; so
are the plugins of these types that stand in ``plugins`` only.
"""

from dataclasses import dataclass

from epp.api.plugin import EndpointObserver, Instance
from epp.api.registry import Family
from epp.config.document import DataLayer, DataSourceReference, Document
from epp.config.instances import Built, Plugins
from epp.datalayer.sources import EventSource, LoadExtractor, PolledSource
from epp.reading.source import Source


@dataclass(frozen=True, slots=True)
class Feed:
    """One data source.

    Attributes:
        source: the plugin.
        extractors: who reads what it brings.
    """

    source: Instance
    extractors: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Where figures of endpoints come from.

    Attributes:
        reads_load: load figures are read at all.
        load_source: says how; None leaves it to the flags.
        load_extractor: says what they are called; None leaves it to the flags.
        polled: other sources that ask endpoints.
        events: sources that hear of changes.
    """

    reads_load: bool = True
    load_source: Instance | None = None
    load_extractor: Instance | None = None
    polled: tuple[Feed, ...] = ()
    events: tuple[Feed, ...] = ()


def settle(document: Document, plugins: Plugins, source: Source) -> DataSettings:
    """Return the settings, with the defaults of GAIE 1.5 where nothing is said."""
    section, path = _section(document, source)
    feeds = [
        made
        for index, entry in enumerate(section.sources)
        if (made := _feed(entry, f"{path}.sources[{index}]", plugins, source))
    ]
    _check_replicas(section, path, plugins, source)
    load = [feed for feed, _ in feeds if _is_load(feed)]
    for second, where in [(feed, where) for feed, where in feeds if _is_load(feed)][1:]:
        hint = f"keep one of it and {load[0].source.name!r}"
        source.add(where, f"{second.source.name!r} is a second source of load figures", hint)
    polled = tuple(
        feed
        for feed, _ in feeds
        if isinstance(feed.source.plugin, PolledSource) and not _is_load(feed)
    )
    events = tuple(feed for feed, _ in feeds if isinstance(feed.source.plugin, EventSource))
    if load:
        return DataSettings(
            load_source=load[0].source,
            load_extractor=next(filter(_extracts_load, load[0].extractors), None),
            polled=polled,
            events=events,
        )
    if not section.inject_defaults:
        source.warn(
            f"{path}.injectDefaults",
            "nothing reads the load of the endpoints",
            "leave injectDefaults out, or list a metrics-data-source",
        )
        return DataSettings(reads_load=False, polled=polled, events=events)
    in_use = {feed.source.name for feed, _ in feeds}
    in_use |= {extractor.name for feed, _ in feeds for extractor in feed.extractors}
    return DataSettings(
        load_source=_spare(plugins, "metrics-data-source", Family.DATA_SOURCE, in_use),
        load_extractor=_spare(plugins, "", Family.EXTRACTOR, in_use),
        polled=polled,
        events=events,
    )


def _section(document: Document, source: Source) -> tuple[DataLayer, str]:
    if document.data is not None and document.data_layer is not None:
        source.add("data", "'data' is the older name of 'dataLayer'", "move it there")
    elif document.data is not None:
        return document.data, "data"
    return document.data_layer or DataLayer(), "dataLayer"


def _feed(
    entry: DataSourceReference, path: str, plugins: Plugins, source: Source
) -> tuple[Feed, str] | None:
    chosen = _of_family(entry.plugin_ref, f"{path}.pluginRef", Family.DATA_SOURCE, plugins, source)
    if chosen is None:
        return None
    brings = getattr(chosen.plugin, "brings", "")
    extractors = []
    for index, reference in enumerate(entry.extractors):
        where = f"{path}.extractors[{index}].pluginRef"
        if _hears_anyway(reference.plugin_ref, chosen, plugins):
            continue
        built = _of_family(reference.plugin_ref, where, Family.EXTRACTOR, plugins, source)
        if built is None:
            continue
        reads: frozenset[str] = getattr(built.plugin, "reads", frozenset())
        if brings in reads:
            extractors.append(_instance(built))
        else:
            source.add(
                where,
                f"{built.name!r} cannot read what {chosen.name!r} brings",
                f"{built.name!r} reads {' or '.join(sorted(reads))}, not {brings}",
            )
    return Feed(_instance(chosen), tuple(extractors)), path


def _hears_anyway(name: str, chosen: Built, plugins: Plugins) -> bool:
    """Tell whether the pool tells a plugin itself of what the source hears.

    In llm-d-router producers are extractors of endpoint-notification-source, in GAIE 1.5 of
    k8s-notification-source, to learn which endpoints have gone.
    """
    named = next((built for built in plugins if built.name == name), None)
    return (
        named is not None
        and not named.serves(Family.EXTRACTOR)
        and isinstance(named.plugin, EndpointObserver)
        and isinstance(chosen.plugin, EventSource)
    )


def _of_family(
    name: str, path: str, family: Family, plugins: Plugins, source: Source
) -> Built | None:
    built = plugins.refer(name, path, family)
    if built is not None and not built.serves(family):
        source.add(path, f"{name!r} is a {built.family} and no {family}", f"name a {family}")
        return None
    return built if built and built.plugin is not None else None


def _check_replicas(section: DataLayer, path: str, plugins: Plugins, source: Source) -> None:
    if section.peer_discovery is not None:
        where = f"{path}.peerDiscovery.pluginRef"
        name = section.peer_discovery.plugin_ref
        _of_family(name, where, Family.PEER_DISCOVERY, plugins, source)
    name = section.cross_replica_syncer_plugin_ref
    if name:
        where = f"{path}.crossReplicaSyncerPluginRef"
        _of_family(name, where, Family.SYNCER, plugins, source)
    elif section.cross_replica_sync_interval is not None:
        source.warn(
            f"{path}.crossReplicaSyncInterval",
            "it has no effect without crossReplicaSyncerPluginRef",
            "remove it",
        )


def _is_load(feed: Feed) -> bool:
    """Tell whether the source brings load figures: one without extractors has the usual one."""
    if any(map(_extracts_load, feed.extractors)):
        return True
    return getattr(feed.source.plugin, "subject", "") == "load" and not feed.extractors


def _extracts_load(extractor: Instance) -> bool:
    return isinstance(extractor.plugin, LoadExtractor)


def _spare(plugins: Plugins, type_name: str, family: Family, in_use: set[str]) -> Instance | None:
    """Return the first plugin of the kind that no source mentions."""
    for built in plugins.of(family):
        is_wanted = built.type == type_name if type_name else _extracts_load(_instance(built))
        if built.name not in in_use and built.plugin is not None and is_wanted:
            return _instance(built)
    return None


def _instance(built: Built) -> Instance:
    return Instance(built.name, built.type, built.plugin)
