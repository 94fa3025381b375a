"""The image with Python: the interpreter that runs this, and what it is linked to.

Nothing is downloaded and nothing is unpacked: files of this computer go into a layer, the
interpreter and its standard library below ``/usr/local``, shared libraries where they are.
"""

import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from machine.images import Image

PYTHON = "/usr/local/bin/python3"
PACKAGES = "/packages"

_PREFIX = "usr/local"
_UNUSED = ("test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "site-packages")
# Loaded by name when they are needed, or by wheels, which take the C library's parts for granted;
# no list of the interpreter's dependencies has them
_BY_NAME = (
    *("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libstdc++.so.6"),
    *("libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
)
NOBODY = {
    "etc/passwd": "root:x:0:0::/:/none\nnonroot:x:65532:65532::/tmp:/none\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
"""Files of an image that runs its program as nobody in particular, and finds hosts by name."""


def image(name: str, folder: Path) -> Image:
    """Make an image that runs Python as nobody in particular; its files go into ``folder``."""
    layer = folder / "interpreter.tar"
    write_interpreter(layer)
    environment = {"PYTHONPATH": PACKAGES, "PYTHONUNBUFFERED": "1"}
    return Image(name, [layer], [PYTHON], environment)


def write_interpreter(layer: Path) -> None:
    """Write a layer that runs ``PYTHON`` with the standard library."""
    executable = Path(sys.base_prefix, "bin", f"python{sysconfig.get_python_version()}").resolve()
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    with tarfile.open(layer, "w") as tar:
        _add(tar, executable, PYTHON)
        for file in _files(library):
            place = PurePosixPath(_PREFIX, "lib", library.name, *file.relative_to(library).parts)
            _add(tar, file, str(place))
        _add_libraries(tar, executable, *library.glob("lib-dynload/*.so"))
        for name, text in NOBODY.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(temporary)


def write_packages(layer: Path, folder: Path, *requirements: str) -> None:
    """Write a layer with packages in ``PACKAGES``, which is to be in PYTHONPATH.

    Args:
        layer: the archive to write.
        folder: packages that are not installed here, such as an unpacked wheel; all of it goes in.
        requirements: distributions from that folder or, failing that, of this interpreter; what
            they require in turn goes in too.

    Raises:
        PackageNotFoundError: one is in neither.
    """
    files = {file: str(file.relative_to(folder)) for file in _files(folder)}
    for one in _closure(folder, requirements):
        for path in one.files or ():
            file = Path(str(one.locate_file(path)))
            if ".." not in path.parts and file.is_file():
                files.setdefault(file, str(path))
    with tarfile.open(layer, "w") as tar:
        for file, name in files.items():
            _add(tar, file, f"{PACKAGES}/{name}")
        for needed in _linked(file for file in files if ".so" in file.suffixes) - files.keys():
            _add(tar, needed, str(needed))


def write_program(tar: tarfile.TarFile, program: Path, name: str) -> None:
    """Write a program that is no script into a layer, with the libraries that it is linked to."""
    _add(tar, program, name)
    _add_libraries(tar, program)


def _add_libraries(tar: tarfile.TarFile, *binaries: Path) -> None:
    for needed in _linked(binaries) | _by_name():
        _add(tar, needed, str(needed))
    _add(tar, Path("/etc/ld.so.cache"), "/etc/ld.so.cache")


def _closure(folder: Path, requirements: Iterable[str]) -> list[Distribution]:
    found: dict[tuple[str, str], Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            key = (canonicalize_name(wanted.name), extra)
            if key in found:
                continue
            ours = distributions(name=wanted.name, path=[str(folder)])
            one = found[key] = next(iter(ours), None) or distribution(wanted.name)
            required = [Requirement(text) for text in one.requires or ()]
            waiting += [
                other
                for other in required
                if other.marker is None or other.marker.evaluate({"extra": extra})
            ]
    return list(found.values())


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in _UNUSED and not path.name.startswith("config-"):
            yield from _files(path)
        elif path.is_file():
            yield path


def _linked(binaries: Iterable[Path]) -> set[Path]:
    listed = [str(binary) for binary in binaries]
    if not listed:
        return set()
    # Fails where one of them is not linked to anything.
    said = subprocess.run(["ldd", *listed], capture_output=True, text=True, check=False).stdout
    return {Path(found) for found in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", said, re.MULTILINE)}


def _by_name() -> set[Path]:
    listing = ["/sbin/ldconfig", "-p"]
    said = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    first: dict[str, Path] = {}
    for name, path in re.findall(r"^\s+(\S+) \([^)]*\) => (\S+)$", said, re.MULTILINE):
        first.setdefault(name, Path(path))
    return {first[name] for name in _BY_NAME if name in first}


def _add(tar: tarfile.TarFile, file: Path, name: str) -> None:
    entry = tar.gettarinfo(str(file.resolve()), name.lstrip("/"))
    entry.type, entry.linkname = tarfile.REGTYPE, ""  # two names of one file are two files
    entry.size = file.stat().st_size
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode |= 0o444
    with file.open("rb") as content:
        tar.addfile(entry, content)
