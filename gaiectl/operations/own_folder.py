"""A folder of files that we write, and write again, in which a user may put files too."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from gaiectl.errors import Refused


def write(texts: Mapping[str, str], folder: Path, record: str) -> None:
    """Write files by their paths below a folder, which is made if need be.

    What an earlier call wrote is replaced or, where it is no longer wanted, removed; what a user
    has added since, such as a kustomization.yaml, stays.

    Args:
        texts: what each file holds.
        folder: where to.
        record: name of the file there that names the files we wrote, one a line.

    Raises:
        Refused: the folder is someone else's, or a file of theirs would be lost.
    """
    folder.mkdir(parents=True, exist_ok=True)
    noting = folder / record
    is_ours = noting.is_file()
    there = {_name(file, folder) for file in folder.rglob("*") if not file.is_dir()} - {record}
    noted = noting.read_text(encoding="utf-8", errors="replace").splitlines() if is_ours else ()
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
        # Both, so that a call that is cut off here leaves nothing that the next one takes for a
        # user's.
        _note(noting, new, written | texts.keys())
        for name, text in texts.items():
            _put(new / name, text)
        for name in texts:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).replace(folder / name)
        for name in written - texts.keys():
            (folder / name).unlink(missing_ok=True)
        _note(noting, new, texts)


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _note(record: Path, scratch: Path, names: Iterable[str]) -> None:
    _put(scratch / record.name, "".join(f"{name}\n" for name in sorted(names)))
    (scratch / record.name).replace(record)


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
