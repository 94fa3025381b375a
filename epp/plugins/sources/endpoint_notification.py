"""endpoint-notification-source: endpoints that come and go.

What:
    Tells extractors of endpoints that join the pool, change their labels or leave.

Formula:
    None.

Reads:
    The pool.

Parameters:
    None.

When to use:
    With topology-extractor, for which it is added by itself.
"""

from dataclasses import dataclass
from typing import ClassVar

from epp.api.registry import Family, plugin


@plugin("endpoint-notification-source", Family.DATA_SOURCE)
@dataclass(frozen=True, slots=True)
class EndpointNotificationSource:
    """Hears of endpoints."""

    brings: ClassVar[str] = "endpoints"

    def objects(self) -> None:
        """Return nothing to watch: the pool tells."""
