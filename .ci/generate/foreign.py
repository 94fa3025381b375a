"""The CRDs that ``foreign.toml`` names: of kinds that we render and others own."""

import json
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from gaiectl.documents import Document, load

LIST = Path(__file__).with_suffix(".toml")


class Unavailable(Exception):
    """What the schemas are made from is not at hand; the text says what and why."""


def definitions() -> Iterator[Document]:
    """Yield each definition.

    Raises:
        Unavailable: there is no Go, or it cannot fetch a module that its cache lacks.
    """
    listed = tomllib.loads(LIST.read_text("utf-8"))
    for module in listed["module"]:
        folder = _folder(f"{module['path']}@{module['version']}")
        for file in module["files"]:
            for definition in load((folder / file).read_text("utf-8")):
                if definition["spec"]["names"]["kind"] in module["kinds"]:
                    yield definition
    for written in listed["written"]:
        yield from load((LIST.parent / written["file"]).read_text("utf-8"))


def _folder(module: str) -> Path:
    """Return where Go keeps a module; it is fetched when it is not there."""
    try:
        run = subprocess.run(  # noqa: S603 - Go, with names of our own file
            ["go", "mod", "download", "-json", module],  # noqa: S607 - the Go that is in PATH
            cwd=tempfile.gettempdir(),  # no go.mod of anybody has a say
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"the Go module {module}: {error}") from error
    answer = json.loads(run.stdout or "{}")
    if "Dir" not in answer:
        raise Unavailable(f"the Go module {module}: {answer.get('Error') or run.stderr.strip()}")
    return Path(answer["Dir"])
