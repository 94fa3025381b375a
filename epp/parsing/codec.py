"""The JSON library, which is there wherever bodies are read.

A configuration is checked, and its plugins are made, also where only ``gaiectl`` is installed.
"""

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment] # nobody reads a body there

__all__ = ["orjson"]
