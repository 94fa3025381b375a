"""Documents as text: one YAML stream, one JSON list, or a folder of files."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gaiectl.documents import Document, dump, identity
from gaiectl.errors import Refused

_MARK = ".gaiectl-manifests"


def as_yaml(documents: Sequence[Document]) -> str:
    """Return one YAML stream."""
    return dump(documents)


def as_json(documents: Sequence[Document]) -> str:
    """Return a ``v1 List``, which kubectl applies in its order."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)}, indent=2)


def write(documents: Sequence[Document], folder: Path) -> int:
    """Write one file per object, named so that sorting them gives the order to apply them.

    The folder appears complete or not at all; one that an earlier call wrote is replaced.

    Returns:
        How many files were written.

    Raises:
        Refused: the folder holds what this did not write.
    """
    if folder.exists() and not (folder / _MARK).exists() and any(folder.iterdir()):
        raise Refused(
            f"{folder} holds files that gaiectl did not write",
            hint="name an empty or a new folder with --output-dir",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made.chmod(0o755)
        (made / _MARK).touch()
        for position, document in enumerate(documents):
            who = identity(document)
            name = f"{position:03}-{who.kind.lower()}-{who.name}.yaml".replace(":", "-")
            (made / name).write_text(dump([document]), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return len(documents)
