"""Helmfile 1.x, which no package index has: built from its Go module."""

from pathlib import Path

from machine import programs

_SOURCES = Path(__file__).parent / "helmfile"
_MODULE = "github.com/helmfile/helmfile"


def find() -> Path:
    """Return the program, from the cache or built, which takes minutes.

    Raises:
        Missing: there is no Go, the module cannot be had, or the build failed.
    """
    name = "helmfile"
    return programs.built(_SOURCES, name, {name: _MODULE}) / name
