"""Documents as text: one YAML stream, one JSON list, or a folder of files."""

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from gaiectl.documents import Document, dump, identity
from gaiectl.errors import Refused

RECORD = ".gaiectl-manifests"
"""In a folder of manifests: the names of the files that we wrote there, one a line."""


def as_yaml(documents: Sequence[Document]) -> str:
    """Return one YAML stream."""
    return dump(documents)


def as_json(documents: Sequence[Document]) -> str:
    """Return a ``v1 List``, which kubectl applies in its order."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)}, indent=2)


def write(documents: Sequence[Document], folder: Path) -> int:
    """Write one file per object, named so that sorting them gives the order to apply them.

    What an earlier call wrote is replaced or, where there is no such object any more, removed; what
    a user has added since, such as a kustomization.yaml, stays.

    Returns:
        How many files were written.

    Raises:
        Refused: the folder is someone else's, or a file of theirs would be lost.
    """
    texts = {
        _file_name(position, document): dump([document])
        for position, document in enumerate(documents)
    }
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / RECORD
    is_ours = record.is_file()
    there = {entry.name for entry in folder.iterdir()} - {RECORD}
    noted = record.read_text(encoding="utf-8", errors="replace").splitlines() if is_ours else ()
    written = there.intersection(noted)  # whatever is noted, only this folder is changed
    others = there - written
    if others and not is_ours:
        raise Refused(
            f"{folder} holds files that gaiectl did not write",
            hint="name an empty or a new folder with --output-dir",
        )
    if lost := sorted(others & texts.keys()):
        raise Refused(
            f"{folder / lost[0]} would be lost: gaiectl did not write it",
            hint="move it away, or name another folder with --output-dir",
        )
    with tempfile.TemporaryDirectory(dir=folder, prefix=".gaiectl-") as scratch:
        new = Path(scratch)
        for name, text in texts.items():
            (new / name).write_text(text, encoding="utf-8")
        # Both, so that a call that is cut off here leaves nothing that the next one takes for a
        # user's.
        _note(record, new, written | texts.keys())
        for name in texts:
            (new / name).replace(folder / name)
        for name in written - texts.keys():
            (folder / name).unlink(missing_ok=True)
        _note(record, new, texts)
    return len(texts)


def _file_name(position: int, document: Document) -> str:
    who = identity(document)
    return f"{position:03}-{who.kind.lower()}-{who.name}.yaml".replace(":", "-")


def _note(record: Path, scratch: Path, names: Iterable[str]) -> None:
    (scratch / RECORD).write_text("".join(f"{name}\n" for name in sorted(names)), encoding="utf-8")
    (scratch / RECORD).replace(record)
