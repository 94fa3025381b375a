"""CRDs of kinds that we render and others own, from the Go modules that a pinned list names."""

import json
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from gaiectl.documents import Document, load
from machine.programs import Missing, go

LIST = Path(__file__).parents[3] / ".ci/generate/foreign.toml"


def definitions() -> Iterator[Document]:
    """Yield each CRD of the list; fetches the modules that Go's cache lacks.

    Raises:
        Missing: there is no Go, or a module cannot be had.
    """
    listed = tomllib.loads(LIST.read_text())
    for module in listed["module"]:
        folder = _folder(f"{module['path']}@{module['version']}")
        for file in module["files"]:
            yield from _wanted(folder / file, module.get("kinds"))
    for written in listed["written"]:
        yield from load((LIST.parent / written["file"]).read_text())


def _wanted(file: Path, kinds: list[str] | None) -> Iterator[Document]:
    for definition in load(file.read_text()):
        if kinds is None or definition["spec"]["names"]["kind"] in kinds:
            yield definition


def _folder(module: str) -> Path:
    done = subprocess.run(
        [go(), "mod", "download", "-json", module],
        cwd=tempfile.gettempdir(),  # no go.mod of ours has a say
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    answer = json.loads(done.stdout or "{}")
    if "Dir" not in answer:
        raise Missing(f"{module}: {answer.get('Error') or done.stderr.strip()}")
    return Path(answer["Dir"])
