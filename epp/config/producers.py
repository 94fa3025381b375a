"""Producers: those that are added by default, and the order in which they run."""

from graphlib import CycleError, TopologicalSorter
from typing import Any

from epp.api.data import InflightLoad, MultimodalItems, PrefixMatch, SessionId, Tokens
from epp.api.plugin import Producer
from epp.config.instances import Plugins
from epp.reading.source import Source

DEFAULTS: dict[type, str] = {
    PrefixMatch: "approx-prefix-cache-producer",
    InflightLoad: "inflight-load-producer",
    Tokens: "token-producer",
    SessionId: "session-id-producer",
    MultimodalItems: "mm-embeddings-cache-producer",
}
"""Who finds out a kind of data where nobody is configured to (GAIE from v1.5 on)."""


def consumed_by(plugin: Any) -> frozenset[type]:
    """Return the kinds of data that a plugin of any family declares to read: ``consumes``."""
    kinds: frozenset[type] = getattr(plugin, "consumes", frozenset())
    return kinds


def add_missing(plugins: Plugins) -> None:
    """Add the default producer of what a plugin reads and no configured producer finds out.

    What producers read of each other is theirs to do without.
    """
    producers = [built for built in plugins if isinstance(built.plugin, Producer)]
    produced = {kind for built in producers for kind in built.plugin.produces}
    readers = [built for built in plugins if built.plugin is not None and built not in producers]
    wanted = {kind for built in readers for kind in consumed_by(built.plugin)}
    for kind, type_name in DEFAULTS.items():
        if kind in wanted - produced:
            plugins.add_default_if_any(type_name)


def in_order(plugins: Plugins, source: Source) -> tuple[Producer, ...]:
    """Return every producer after those it depends on; a cycle is noted as a problem."""
    named = {b.name: b for b in plugins if isinstance(b.plugin, Producer)}
    makers: dict[type, list[str]] = {}
    for name, built in named.items():
        for kind in built.plugin.produces:
            makers.setdefault(kind, []).append(name)
    needs = {
        name: [m for kind in built.plugin.consumes for m in makers.get(kind, ()) if m != name]
        for name, built in named.items()
    }
    try:
        return tuple(named[name].plugin for name in TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = error.args[1]
        path = " -> ".join(reversed(circle))
        source.add(
            named[circle[0]].path,
            f"producers wait for each other: {path}",
            "remove one",
            code="wiring",
        )
        return ()
