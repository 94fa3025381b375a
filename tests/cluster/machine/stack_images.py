"""The images of a stack, made of what is installed here: no registry and no builder is asked.

The image of the EPP and of the simulator is equal to the one that ``epp/Containerfile`` makes in
what it runs, by the names that it runs it by; it is made in seconds because nothing is compiled.
"""

import compileall
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from gaiectl.model import builtin
from machine import python_image
from machine.images import Image

_ROOT = Path(__file__).resolve().parents[3]
_PRESET = _ROOT / "charts/standalone/templates/_envoy_preset.tpl"
_REQUIREMENT = "gaiectl[epp,precise,tracing]"
_ENVOY = "/usr/local/bin/envoy"


class NotBuilt(Exception):
    """A part of an image could not be made; the text is what its builder said."""


def epp(bare_python: Image, folder: Path) -> Image:
    """Make the image of EPP and simulator, under the name that the charts call it by.

    Args:
        bare_python: an image with Python.
        folder: an empty folder for its files.

    Raises:
        NotBuilt: our wheel cannot be built.
    """
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    built = subprocess.run(
        [*command, str(folder), str(_ROOT)], capture_output=True, text=True, check=False
    )
    if built.returncode:
        raise NotBuilt(built.stdout + built.stderr)
    (wheel,) = folder.glob("*.whl")
    packages = folder / "packages"
    zipfile.ZipFile(wheel).extractall(packages)
    compileall.compile_dir(packages, quiet=1)  # a root that is read-only keeps nothing
    ours, names = folder / "packages.tar", folder / "names.tar"
    python_image.write_packages(ours, packages, _REQUIREMENT)
    with tarfile.open(names, "w") as tar:
        link = tarfile.TarInfo("usr/local/bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, Path(python_image.PYTHON).name
        tar.addfile(link)
    return replace(
        bare_python,
        name=builtin.image(),
        layers=[*bare_python.layers, names, ours],
        entrypoint=["/usr/local/bin/python", "-m", "epp"],
    )


def envoy(folder: Path) -> Image:
    """Make the image of the proxy, under the name that the chart calls it by."""
    (name,) = re.findall(r"^image: (\S+)$", _PRESET.read_text(), re.MULTILINE)
    found = find_spec("envoy")
    assert found is not None
    assert found.origin is not None
    layer = folder / "envoy.tar"
    with tarfile.open(layer, "w") as tar:
        python_image.write_program(tar, Path(found.origin).parent / "_bin" / "envoy", _ENVOY)
        for path, text in python_image.NOBODY.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return Image(name, [layer], [_ENVOY], {"PATH": "/usr/local/bin"})
