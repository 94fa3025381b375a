"""sheddable-eviction-filter: only sheddable requests are ended while they are served.

What:
    With enableEviction, requests of a priority below 0 may be ended to make room for more
    important ones that wait.

Formula:
    priority < 0.

Reads:
    The request's priority.

Parameters:
    None.

When to use:
    It is the default and the only one.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.api.request import Request


@plugin("eviction-sheddable-filter", Family.EVICTION_FILTER, successor="sheddable-eviction-filter")
@plugin("sheddable-eviction-filter", Family.EVICTION_FILTER)
@dataclass(frozen=True, slots=True)
class SheddableEvictionFilter:
    """Accepts requests of a priority below 0."""

    def accepts(self, request: Request) -> bool:
        """Tell whether the request may be ended."""
        return request.priority < 0
