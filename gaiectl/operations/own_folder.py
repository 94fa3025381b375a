"""A folder of files that we write, and write again, in which a user may put files too."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from gaiectl.errors import Refused


def write(
    texts: Mapping[str, str], folder: Path, record: str, *, option: str = "--output-dir"
) -> None:
    """Write files by their paths below a folder, which is made if need be.

    What an earlier call wrote is replaced or, where it is no longer wanted, removed; what a user
    has added since, such as a kustomization.yaml, stays.

    Args:
        texts: what each file holds.
        folder: where to.
        record: name of the file there that names the files we wrote, one a line.
        option: that named the folder.

    Raises:
        Refused: the folder is someone else's, or a file of theirs would be lost.
    """
    folder.mkdir(parents=True, exist_ok=True)
    noting = folder / record
    is_ours = noting.is_file()
    if not is_ours and next(_files(folder), None):  # the first will do: it may be a whole disk
        raise Refused(
            f"{folder} holds files that gaiectl did not write",
            hint=f"name an empty or a new folder with {option}",
        )
    there = {_name(file, folder) for file in _files(folder)} - {record}
    noted = noting.read_text(encoding="utf-8", errors="replace").splitlines() if is_ours else ()
    written = there.intersection(noted)  # whatever is noted, only this folder is changed
    if lost := sorted(_in_the_way(there - written, texts)):
        raise Refused(
            f"{folder / lost[0]} would be lost: gaiectl did not write it",
            hint=f"move it away, or name another folder with {option}",
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
            _remove_empty((folder / name).parent, folder)
        _note(noting, new, texts)


def _files(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder and is no folder; a link is none, wherever it leads."""
    return (file for file in folder.rglob("*") if file.is_symlink() or not file.is_dir())


def _in_the_way(others: set[str], wanted: Iterable[str]) -> Iterator[str]:
    """Yield others' files at the places of wanted ones, or where these need a folder."""
    folders = {str(above): other for other in others for above in PurePosixPath(other).parents}
    for name in wanted:
        if name in folders:
            yield folders[name]
        yield from others.intersection((name, *map(str, PurePosixPath(name).parents)))


def _remove_empty(place: Path, folder: Path) -> None:
    """Remove a folder below another one, and those above it, as far as they are empty."""
    while place != folder:
        try:
            place.rmdir()
        except OSError:
            return
        place = place.parent


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _note(record: Path, scratch: Path, names: Iterable[str]) -> None:
    _put(scratch / record.name, "".join(f"{name}\n" for name in sorted(names)))
    (scratch / record.name).replace(record)


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
