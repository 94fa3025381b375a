"""CRDs of kinds that we render and others own: those that our schemas are made from."""

import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

from gaiectl.documents import Document, load
from machine.programs import Missing, module

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


def gateway_api() -> Iterator[Document]:
    """Yield all CRDs of the Gateway API's standard channel, in the release that we ask for.

    Raises:
        Missing: there is no Go, or the module cannot be had.
    """
    listed = tomllib.loads(SOURCE.with_suffix(".toml").read_text("utf-8"))
    name = "sigs.k8s.io/gateway-api"
    (version,) = (one["version"] for one in listed["module"] if one["path"] == name)
    for file in sorted((module(f"{name}@{version}") / "config/crd/standard").glob("*.yaml")):
        yield from load(file.read_text("utf-8"))
