"""``parser`` and ``requestHandler.parsers``: who reads request bodies, in order."""

from epp.api.plugin import Instance
from epp.config.document import Document
from epp.config.instances import Plugins
from epp.reading.source import Source


def settle(document: Document, plugins: Plugins, source: Source) -> tuple[Instance, ...]:
    """Return the parsers, with the default ones where nothing is said."""
    del document, plugins, source
    return ()
