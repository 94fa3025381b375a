"""The image of ``epp/Containerfile``, built by a real engine and run by a real node."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from machine import images, node, python_image
from machine.cluster import Cluster
from machine.images import Image

# What podman needs where it may not make namespaces; elsewhere it does no harm.
_SANDBOX = ("--isolation", "chroot", "--network", "host", "--ulimit", "nofile=1024:1024")
_RUN_IN_SANDBOX = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")
_START_SECONDS = 2.0
_HERE = Path(__file__).parent
_BASE = "localhost/gaiectl-test/base:1"
_BUILDER = "localhost/gaiectl-test/builder:1"
_BUILT = "localhost/gaiectl-test/built:1"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def bases(require: Any, bare_python_image: Image, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Podman has two images with Python: one to stand on, one with a shell to build in."""
    if os.environ.get("GAIECTL_TEST_KUBECONFIG"):
        pytest.skip("the image is loaded into the containerd of a machine of our own")
    if shutil.which("podman") is None:
        require("podman", "podman is not in PATH")
    folder = tmp_path_factory.mktemp("bases")
    tools = folder / "tools.tar"
    library = Path(sysconfig.get_path("stdlib"))
    with tarfile.open(tools, "w") as tar:
        python_image.write_program(tar, Path("/bin/sh"), "bin/sh")
        tar.add(library / "ensurepip", f"usr/local/lib/{library.name}/ensurepip")
    layers = [*bare_python_image.layers, tools]
    for image in (
        replace(bare_python_image, name=_BASE),
        replace(bare_python_image, name=_BUILDER, layers=layers),
    ):
        archive = folder / "image.tar"
        images.write(image, archive)
        said = _podman("load", "--input", str(archive))
        _podman("tag", said.split()[-1], image.name)
        archive.unlink()


@pytest.fixture(scope="module")
def built(bases: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The image is there; returns its bill of materials."""
    folder = tmp_path_factory.mktemp("built")
    trusted = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    command = [
        *(sys.executable, "-m", "gaiectl", "image", "build", "--engine", "podman"),
        *("--base-image", _BASE, "--build-image", _BUILDER, "--no-compile", "--tag", _BUILT),
        *("--sbom", str(folder / "sbom.json"), "--", *_SANDBOX),
        *("--volume", f"{trusted}:{trusted}:ro", "--build-arg", f"PIP_CERT={trusted}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{_BUILT}\n"
    yield folder / "sbom.json"
    _podman("image", "rm", "--force", _BUILT, _BUILDER, _BASE)


def test_the_image_says_what_it_is_made_of_and_runs_as_nobody(built: Path) -> None:
    (described,) = json.loads(_podman("image", "inspect", _BUILT))
    named = {part["name"] for part in json.loads(built.read_text())["components"]}

    assert described["Config"]["User"] == "65532:65532"
    assert described["Config"]["Entrypoint"] == ["/opt/gaiectl/bin/epp"]
    assert described["Labels"]["org.opencontainers.image.base.name"] == _BASE
    assert {"python", "aiohttp", "kubernetes", "tokenizers", "opentelemetry-sdk"} <= named


@pytest.mark.usefixtures("built")
def test_the_image_serves_as_nobody_without_a_shell_and_where_nothing_can_be_written(
    tmp_path: Path,
) -> None:
    for source in (_HERE / "machine" / "started").iterdir():
        shutil.copy(source, tmp_path)
    tmp_path.chmod(0o755)  # whoever runs in the container may read it

    runtime = ("--runtime", "runc") if shutil.which("runc") else ()  # crun wants newer cgroups
    said = _podman(
        *(*runtime, "run", "--rm", "--network", "none", "--read-only", "--read-only-tmpfs=false"),
        *("--cap-drop", "all", "--security-opt", "no-new-privileges", *_RUN_IN_SANDBOX),
        *("--volume", f"{tmp_path}:/started:ro", "--entrypoint", "/opt/gaiectl/bin/python"),
        *(_BUILT, "/started/start.py"),
    )

    found = json.loads(said.splitlines()[-1])
    print(f"SERVING after {found['seconds']:.2f} s, of which the CPU worked {found['cpu']:.2f} s")
    assert found["user"] == 65532
    assert not found["shell"]
    assert set(found["exit"]) == {0}
    assert found["cpu"] < _START_SECONDS  # time that others take on this computer is not ours


@pytest.mark.usefixtures("built")
def test_a_stack_of_the_built_image_serves_in_a_restricted_namespace(
    machine: Cluster, machine_kubeconfig: Path, pod_namespace: str, stack_images: Any, helm4: Path
) -> None:
    socket = node.containerd_socket(machine_kubeconfig.parent)
    _gaiectl(
        *("image", "load", _BUILT, "--engine", "podman"),
        *("--to", "containerd", "--socket", str(socket)),
    )

    _gaiectl(
        *("install", "standalone", "-n", pod_namespace, "--model-server", "builtin"),
        *("--epp", "python", "--epp-image", _BUILT, "--include-crds", "--helm", str(helm4)),
        *("--set", "inferenceExtension.resources.requests.cpu=50m"),
        *("--kubeconfig", str(machine_kubeconfig)),
    )

    pods = json.loads(machine.do("get", "pods", "-n", pod_namespace, "-o", "json"))["items"]
    running = [status for pod in pods for status in pod["status"]["containerStatuses"]]
    assert {status["image"] for status in running} == {_BUILT, stack_images.envoy}
    assert all(status["ready"] for status in running)
    assert all(status["restartCount"] == 0 for status in running)


def _gaiectl(*arguments: str) -> None:
    command = [sys.executable, "-m", "gaiectl", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _podman(*arguments: str) -> str:
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
