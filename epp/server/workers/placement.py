"""Where plugins are asked about responses, and which cannot work where workers serve streams.

The memory of plugins is in the process that decides; streams are in the workers. So a plugin that
declares what its ``response_role`` is, is asked where that costs least; any other one is asked in
the deciding process, and the response waits for its answer.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from epp.api.plugin import (
    CompletionObserver,
    DeclaresResponseRole,
    DispatchObserver,
    EndpointObserver,
    Inspectable,
    Instance,
    Observable,
    Producer,
    ResponseObserver,
    ResponseReporter,
    Service,
)
from epp.config.loader import Config
from epp.extproc.hooks import ResponseHooks

_BESIDE_PARSING = {
    Observable: "has metrics",
    Inspectable: "shows its state",
    Service: "works in the background",
    Producer: "produces data",
    DispatchObserver: "follows decisions",
    CompletionObserver: "follows the ends of requests",
    ResponseObserver: "follows responses",
    ResponseReporter: "reports on responses",
    EndpointObserver: "remembers endpoints",
}
"""What a parser may do beside, in another process than the one in which it parses."""


class Placement(NamedTuple):
    """Who is asked where.

    Attributes:
        here: plugins that are asked in the worker; the deciding process need not know.
        listeners: plugins that are told in the deciding process, for which nobody waits.
        asks: some plugin must be asked in the deciding process: then all are, in their order.
    """

    here: tuple[object, ...] = ()
    listeners: tuple[object, ...] = ()
    asks: bool = False


def placement(instances: Iterable[Instance]) -> Placement:
    """Return who is asked where about responses."""
    here: list[object] = []
    listeners: list[object] = []
    by_role = {"function": here, "listener": listeners}
    for instance in instances:
        plugin = instance.plugin
        if not isinstance(plugin, ResponseObserver | ResponseReporter):
            continue
        role = plugin.response_role if isinstance(plugin, DeclaresResponseRole) else ""
        if role not in by_role:
            return Placement(asks=True)
        by_role[role].append(plugin)
    return Placement(tuple(here), tuple(listeners))


class Told(NamedTuple):
    """The plugins that the deciding process tells of responses, or asks.

    Attributes:
        every: all that look at responses.
        listeners: those of them for whom nobody waits.
    """

    every: ResponseHooks
    listeners: ResponseHooks


def told_of_responses(instances: Iterable[Instance]) -> Told:
    """Return the plugins that workers may want to reach."""
    instances = tuple(instances)
    every = ResponseHooks(instance.plugin for instance in instances)
    return Told(every, ResponseHooks(placement(instances).listeners))


def objections(config: Config) -> Iterator[str]:
    """Return why a configuration cannot be used by several processes."""
    for instance in config.parsers:
        plugin: Any = instance.plugin
        reasons = [text for kind, text in _BESIDE_PARSING.items() if isinstance(plugin, kind)]
        if reasons:
            yield (
                f"plugin {instance.name} ({instance.type}) cannot be used with --workers: it "
                f"{' and '.join(reasons)}, in the process that decides, and it parses, which "
                "workers do; use --workers=0"
            )
