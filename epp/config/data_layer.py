"""``dataLayer.sources``: which data sources feed which extractors."""

from dataclasses import dataclass

from epp.config.document import Document
from epp.config.instances import Plugins
from epp.reading.source import Source


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Where figures of endpoints come from."""


def settle(document: Document, plugins: Plugins, source: Source) -> DataSettings:
    """Return the settings, with the defaults of GAIE 1.5 where nothing is said."""
    del document, plugins, source
    return DataSettings()
