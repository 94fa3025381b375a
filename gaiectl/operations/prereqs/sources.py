"""Where files and charts are had from: the places that the table names, or a mirror of them.

A mirror is a folder or a web server that holds files under their own names, charts as ``helm pull``
writes them; or an OCI registry, for charts only.
"""

import hashlib
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from gaiectl.errors import GaieError, UsageError
from gaiectl.prereqs.kinds import Chart, File

_LARGEST_BYTES = 16 << 20
_SECONDS = 30.0
_MIRRORS = "name a folder, or an address that begins with file, http, https or oci"


class Source(NamedTuple):
    """Where things come from.

    Attributes:
        mirror: address of a mirror without a slash at its end; empty for the places of the table.
        folder: the mirror as a folder; None if it is none.
    """

    mirror: str = ""
    folder: Path | None = None

    def place(self, file: File) -> str:
        """Return the path or address that a file is had from.

        Raises:
            UsageError: the mirror can have no files.
        """
        if self.folder:
            return str(self.folder / file.name)
        if self.mirror.startswith("oci://"):
            raise UsageError(
                f"{self.mirror} can have charts only, and {file.name} is none",
                hint="name a folder or a web server with --mirror that has it",
            )
        return f"{self.mirror}/{file.name}" if self.mirror else file.url

    def fetch(self, file: File) -> bytes:
        """Return the bytes of a file, which are those that the table means.

        Raises:
            GaieError: it cannot be had, or is another one.
        """
        place = self.place(file)
        data = _read(Path(place), file) if self.folder else _download(place, file)
        seen = hashlib.sha256(data).hexdigest()
        if seen != file.sha256:
            raise GaieError(
                f"{place} has the sha256 {seen}, expected {file.sha256}; nothing was changed",
                hint=f"replace it by {file.url}, or see who changed it",
            )
        return data

    def chart(self, chart: Chart) -> tuple[str, ...]:
        """Return how Helm is told where a chart is: its reference, and options.

        Raises:
            GaieError: the folder does not have it.
        """
        pinned = ("--version", chart.version) if chart.version else ()
        name = chart.reference.rpartition("/")[2]
        if self.folder:
            return (str(_archive(self.folder, chart)),)
        if not self.mirror:
            return (chart.reference, *pinned)
        if self.mirror.startswith("oci://"):
            return (f"{self.mirror}/{name}", *pinned)
        if not chart.version:
            raise UsageError(
                f"no release of {name} is pinned, so a web server cannot be asked for it",
                hint="name a folder or an OCI registry with --mirror",
            )
        return (f"{self.mirror}/{chart.archive}",)


def source_of(mirror: str) -> Source:
    """Return where things come from.

    Args:
        mirror: a folder, or an address (file, http, https, oci), as the user says it; or empty.

    Raises:
        UsageError: it is nothing of the kind.
    """
    if not mirror:
        return Source()
    try:
        parts = urlsplit(mirror)
        is_open = "@" not in parts.netloc
    except ValueError as error:
        raise UsageError(f"{mirror} is no mirror: {error}", hint=_MIRRORS) from None
    if not is_open:
        raise UsageError(
            "--mirror holds a password, which messages and commands would show",
            hint="name a folder with the files, or a server that asks for none",
        )
    if parts.scheme in ("http", "https", "oci"):
        return Source(mirror.rstrip("/"))
    if parts.scheme not in ("", "file") or (parts.scheme and parts.netloc not in ("", "localhost")):
        raise UsageError(f"{mirror} is no mirror: {parts.scheme} is not understood", hint=_MIRRORS)
    folder = Path(unquote(parts.path) if parts.scheme else mirror).absolute()
    if not folder.is_dir():
        raise UsageError(f"{mirror} is no folder", hint="--mirror names the folder with the files")
    return Source(str(folder), folder)


def _archive(folder: Path, chart: Chart) -> Path:
    name = chart.reference.rpartition("/")[2]
    path = folder / chart.archive
    if not chart.version:
        found = sorted(folder.glob(f"{name}-[0-9v]*.tgz"))
        path = found[0] if len(found) == 1 else path
    if path.is_file():
        return path
    pinned = f" --version {chart.version}" if chart.version else ""
    raise GaieError(
        f"{folder} has no chart {path.name}",
        hint=f"helm pull {chart.reference}{pinned} -d {folder}",
    )


def _read(path: Path, file: File) -> bytes:
    if not path.is_file():
        raise GaieError(
            f"{path.parent} has no {file.name}", hint=f"curl -Lo {path} {file.url} brings it there"
        )
    return path.read_bytes()


def _download(address: str, file: File) -> bytes:
    try:
        with urlopen(address, timeout=_SECONDS) as answer:  # noqa: S310 - of our table, or the user's mirror; its bytes are compared
            data: bytes = answer.read(_LARGEST_BYTES + 1)
    except HTTPError as error:
        error.close()
        raise GaieError(
            f"{address} is not to be had: {error.code} {error.reason}", hint=_hint(file)
        ) from None
    except (URLError, OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise GaieError(f"{address} is not to be had: {reason}", hint=_hint(file)) from None
    if len(data) > _LARGEST_BYTES:
        raise GaieError(
            f"{address} answers with more than {_LARGEST_BYTES >> 20} MiB", hint=_hint(file)
        )
    return data


def _hint(file: File) -> str:
    return (
        "see that the network, or HTTPS_PROXY, leads there; without either, bring "
        f"{file.name} into a folder and name that with --mirror"
    )
