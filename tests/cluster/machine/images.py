"""Container images, made as archives of the OCI image layout, without a registry or a builder.

An image is a list of layers, which are tar archives, and what to run by default. The one with
Python holds the interpreter that runs the tests, with the libraries that it is linked to.
"""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from machine.programs import Programs

PAUSE = "localhost/gaiectl-test/pause:1"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LAYOUT = {"imageLayoutVersion": "1.0.0"}
_TYPE = "application/vnd.oci.image"


class NotLoaded(Exception):
    """An archive was refused; the text is what containerd's client said."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image to be.

    Attributes:
        name: with registry and tag.
        layers: uncompressed tar archives, the lowest first.
        entrypoint: program and arguments.
        environment: of the program.
        user: numeric id that runs it.
    """

    name: str
    layers: Sequence[Path]
    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: int = 65532


def pause(programs: Programs, archive: Path) -> Path:
    """Make the image whose containers hold the namespaces of pods."""
    layer = archive.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        tar.add(programs.parts / "pause", "pause")
    write(Image(PAUSE, [layer], ["/pause"]), archive)
    layer.unlink()
    return archive


def write(image: Image, archive: Path) -> None:
    """Write an image as an archive that container engines and clusters can load."""
    blobs: dict[str, Path | bytes] = {}

    def blob(content: Path | bytes, kind: str) -> dict[str, object]:
        digest = _digest(content)
        blobs[digest] = content
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        return {"mediaType": f"{_TYPE}.{kind}", "digest": f"sha256:{digest}", "size": size}

    layers = [blob(layer, "layer.v1.tar") for layer in image.layers]
    configuration = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Env": [f"{name}={value}" for name, value in image.environment.items()],
            "User": str(image.user),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        # Engines that put layers on top want one entry for each that is there.
        "history": [{"created_by": "gaiectl's tests"} for _ in layers],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPE}.manifest.v1+json",
        "config": blob(_json(configuration), "config.v1+json"),
        "layers": layers,
    }
    named = {
        **blob(_json(manifest), "manifest.v1+json"),
        "annotations": {
            "io.containerd.image.name": image.name,
            "org.opencontainers.image.ref.name": image.name.rpartition(":")[2],
        },
    }
    with tarfile.open(archive, "w") as tar:
        _add(tar, "oci-layout", _json(_LAYOUT))
        _add(tar, "index.json", _json({"schemaVersion": 2, "manifests": [named]}))
        for digest, content in blobs.items():
            _add(tar, f"blobs/sha256/{digest}", content)


def load(archive: Path, socket: Path) -> None:
    """Give an archive to containerd, where kubelets look for images.

    Raises:
        NotLoaded: containerd refuses it.
    """
    done = ctr(socket, "images", "import", str(archive))
    if done.returncode:
        raise NotLoaded(done.stderr.strip())


def ctr(socket: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run containerd's client where a kubelet has its containers, whatever becomes of it."""
    return subprocess.run(
        ["ctr", "--address", str(socket), "--namespace", "k8s.io", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def _json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _digest(content: Path | bytes) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    if isinstance(content, Path):
        tar.add(content, name)
        return
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
