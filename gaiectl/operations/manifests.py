"""Documents as text: one YAML stream, one JSON list, or a folder of files."""

import json
from collections.abc import Sequence
from pathlib import Path

from gaiectl.documents import Document, dump, identity
from gaiectl.operations import own_folder

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

    Returns:
        How many files were written.

    Raises:
        Refused: see ``own_folder.write``.
    """
    texts = {
        file_name(position, document): dump([document])
        for position, document in enumerate(documents)
    }
    own_folder.write(texts, folder, RECORD)
    return len(texts)


def file_name(position: int, document: Document) -> str:
    """Return the name of an object's file; they sort by position."""
    who = identity(document)
    return f"{position:03}-{who.kind.lower()}-{who.name}.yaml".replace(":", "-")
