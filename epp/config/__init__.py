"""EndpointPickerConfig: decode, default, check, build; its JSON Schema and its reference.

The only package of ``epp`` that ``gaiectl`` imports. Pure: no network, no protobuf.
"""

from epp.api.errors import ConfigError, Problem
from epp.config.loader import Config, load

__all__ = ["Config", "ConfigError", "Problem", "load"]
