"""EndpointPickerConfig: decode, default, check, build; its JSON Schema and its reference.

The only package of ``epp`` that ``gaiectl`` imports. Pure: no network, no protobuf.
"""

from epp.api.errors import ConfigError, Problem
from epp.config.catalogue import TypeEntry, catalogue
from epp.config.document import Saturation
from epp.config.json_schema import schema
from epp.config.loader import DEFAULT_TEXT, Config, load, load_file

__all__ = [
    "DEFAULT_TEXT",
    "Config",
    "ConfigError",
    "Problem",
    "Saturation",
    "TypeEntry",
    "catalogue",
    "load",
    "load_file",
    "schema",
]
