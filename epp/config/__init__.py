"""EndpointPickerConfig: decode, default, check, build; its JSON Schema and its reference.

The only package of ``epp`` that ``gaiectl`` imports. Pure: no network, no protobuf.
"""

from epp.api.errors import ConfigError, Problem
from epp.config.catalogue import TypeEntry, catalogue
from epp.config.document import Saturation
from epp.config.json_schema import schema
from epp.config.loader import DEFAULT_TEXT, Config, check, load, load_file, read_text
from epp.config.releases import PYTHON, RELEASES, Release

__all__ = [
    "DEFAULT_TEXT",
    "PYTHON",
    "RELEASES",
    "Config",
    "ConfigError",
    "Problem",
    "Release",
    "Saturation",
    "TypeEntry",
    "catalogue",
    "check",
    "load",
    "load_file",
    "read_text",
    "schema",
]
