"""The order in which producers run: after those whose data they use."""

from graphlib import CycleError, TopologicalSorter

from epp.api.plugin import Producer
from epp.config.instances import Plugins
from epp.reading.source import Source


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
        source.add(named[circle[0]].path, f"producers wait for each other: {path}", "remove one")
        return ()
