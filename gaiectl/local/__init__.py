"""The data path as processes of this machine: Envoy, the EPP and model servers.

May import ``gaiectl.rendering``, ``gaiectl.assets``, ``gaiectl.errors`` and ``epp.config``. Never
prints: what happens is told to a ``Narrator``.
"""

DEFAULT_NAME = "default"
"""The stack that is meant when none is named."""


def named(name: str) -> str:
    """Return what names the stack in a command to paste: an option after a blank, or nothing."""
    return "" if name == DEFAULT_NAME else f" --name {name}"
