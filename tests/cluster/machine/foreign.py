"""CRDs of kinds that we render and others own: those that our schemas are made from."""

import runpy
from collections.abc import Iterator
from pathlib import Path

from gaiectl.documents import Document
from machine.programs import Missing

SOURCE = Path(__file__).parents[3] / ".ci/generate/foreign.py"


def definitions() -> Iterator[Document]:
    """Yield each CRD; fetches the Go modules that Go's cache lacks.

    Raises:
        Missing: there is no Go, or a module cannot be had.
    """
    source = runpy.run_path(str(SOURCE))
    try:
        yield from source["definitions"]()
    except source["Unavailable"] as error:
        raise Missing(str(error)) from error
