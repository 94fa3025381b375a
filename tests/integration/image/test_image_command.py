"""``gaiectl image`` as a user runs it, with an engine that keeps what it is told."""

import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from gaiectl.cli import app

OURS = f"localhost/gaiectl/epp:{version('gaiectl')}"


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Shell:
    """A shell whose PATH holds only stand-ins for container programs."""

    programs: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def said(self) -> list[str]:
        """The command lines of the stand-ins."""
        log = self.programs / "log"
        return log.read_text().splitlines() if log.exists() else []

    def has(self, name: str, script: str = "") -> None:
        """Put a program there, that notes its arguments and does what the script says."""
        program = self.programs / name
        log = shlex.quote(str(self.programs / "log"))
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\n{script}\n')
        program.chmod(0o755)

    def image(self, *arguments: str) -> Done:
        sys.argv = ["gaiectl", "image", *arguments]
        code = app.run()
        return Done(code, *self.capsys.readouterr())


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(sys, "argv", [])
    return Shell(programs, capsys)


def test_an_image_is_built_from_a_folder_with_its_source_and_its_name_is_the_answer(
    shell: Shell, tmp_path: Path
) -> None:
    shell.has("podman")

    done = shell.image("build", "--context", str(tmp_path / "context"), "--", "--network", "host")

    assert (done.returncode, done.stdout) == (0, f"{OURS}\n"), done.stderr
    command, *_ = shell.said
    assert command.startswith(f"podman build --file {tmp_path}/context/epp/Containerfile ")
    assert command.endswith(f" --network host --tag {OURS} {tmp_path}/context")
    assert (tmp_path / "context" / "gaiectl" / "__main__.py").is_file()


def test_a_context_is_kept_as_it_is_now_and_no_folder_of_others_taken_for_one(
    shell: Shell, tmp_path: Path
) -> None:
    shell.has("podman")
    context, theirs = tmp_path / "context", tmp_path / "theirs"
    shell.image("build", "--context", str(context))
    record = context / ".gaiectl-context"
    (context / "epp" / "gone.py").write_text("")
    record.write_text(f"{record.read_text()}epp/gone.py\n")
    theirs.mkdir()
    (theirs / "pyproject.toml").write_text("theirs")

    again = shell.image("build", "--context", str(context))
    refused = shell.image("build", "--context", str(theirs))

    assert again.returncode == 0
    assert not (context / "epp" / "gone.py").exists()
    assert refused.returncode == 4
    assert "with --context" in refused.stderr
    assert (theirs / "pyproject.toml").read_text() == "theirs"


def test_the_bill_of_materials_is_written_beside_the_image(shell: Shell, tmp_path: Path) -> None:
    export = 'case "$*" in *dest=*) for w; do case $w in *dest=*) d=${w##*dest=};; esac; done\n'
    shell.has("buildah", export + 'echo "{}" >"$d/sbom.cdx.json";; esac')

    done = shell.image("build", "--sbom", str(tmp_path / "sbom.json"))

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sbom.json").read_text() == "{}\n"
    assert len(shell.said) == 3


def test_size_and_time_to_serve_are_told(shell: Shell, tmp_path: Path) -> None:
    said = 'case "$1" in images) echo "123 MB";; run) echo 0.84;; esac'
    shell.has("podman", said)
    shell.has("buildah", said)

    done = shell.image("build")
    alone = shell.image("build", "--engine", "buildah")
    built = shell.image("build", "--no-start")

    assert f"built {OURS}: 123 MB; it serves 0.84 s after its start\n" in done.stderr
    assert alone.stderr.endswith(f"built {OURS}: 123 MB\n")
    assert built.stderr.endswith(f"built {OURS}: 123 MB\n")
    assert done.stdout == f"{OURS}\n"


def test_an_image_that_does_not_start_here_is_built_all_the_same(shell: Shell) -> None:
    shell.has("podman", '[ "$1" != run ] || { echo "exec format error" >&2; exit 125; }')

    done = shell.image("build")

    assert done.returncode == 0
    assert "it could not be started here: exec format error\n" in done.stderr


def test_a_signal_ends_the_engine_too_and_leaves_no_files(shell: Shell, tmp_path: Path) -> None:
    shell.has("podman", "exec /bin/sleep 60")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "PATH": str(shell.programs), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "gaiectl", "image", "build"]

    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as building:
        while not shell.said:
            assert building.poll() is None
            time.sleep(0.02)
        building.terminate()
        assert building.wait() == 128 + signal.SIGTERM

    assert list(temporary.iterdir()) == []


def test_a_bill_of_materials_without_a_folder_is_refused_before_anything_is_built(
    shell: Shell, tmp_path: Path
) -> None:
    shell.has("podman")

    done = shell.image("build", "--sbom", str(tmp_path / "nowhere" / "sbom.json"))

    assert (done.returncode, shell.said) == (2, [])


def test_an_archive_is_replaced_when_the_new_one_is_whole(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "epp.tar").write_text("old")
    write = 'to=${3#docker-archive:}; echo new >"${to%%.tar*}.tar"'
    load = ("load", "--to", "archive", "--file", str(tmp_path / "epp.tar"))

    shell.has("podman", f"{write}; exit 125")
    assert shell.image(*load).returncode == 1
    assert (tmp_path / "epp.tar").read_text() == "old"

    shell.has("podman", write)
    assert shell.image(*load).returncode == 0
    assert (tmp_path / "epp.tar").read_text() == "new\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bin", "epp.tar"]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("dial tcp: lookup docker.io: no such host", "--base-image and --build-image name images"),
        ("no C compiler", "--no-compile"),
        ("ImportError: librt.so.1: cannot open shared object file", "choose a --base-image"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "package index"),
        ("Cannot connect to the Docker daemon at unix:///var/run", "choose another engine"),
        ("something new", "see what it says above"),
        ('Step 30/32 : RUN ["python", "-c", "import cryptography.x509"]', "see what it says above"),
    ],
)
def test_what_an_engine_fails_of_is_shown_with_what_to_do(
    shell: Shell, said: str, hint: str
) -> None:
    shell.has("docker", f"echo step 7; echo {shlex.quote(said)} >&2; exit 125")

    done = shell.image("build", "--engine", "docker")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count(f"step 7\n{said}\n") == 1
    assert f"error: docker could not build {OURS} (exit code 125)" in done.stderr
    assert hint in done.stderr.partition("hint: ")[2]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("http: server gave HTTP response to HTTPS client", "if that is meant to be: --insecure"),
        (
            "x509: certificate signed by unknown authority",
            "certs.d/r.example:5000/",
        ),
        ("tls: first record does not look like a TLS handshake", "it speaks HTTP"),
        ("invalid status code from registry 404 (Not Found)", "r.example:5000 is no registry"),
        ("unauthorized: authentication required", "podman login r.example:5000"),
        ("dial tcp: lookup r.example on 10.0.0.2:53: no such host", "is called r.example:5000"),
        ("Error: localhost/gaiectl/epp:1: image not known", "gaiectl image build makes it"),
    ],
)
def test_what_a_registry_refuses_is_shown_with_what_to_do(
    shell: Shell, said: str, hint: str
) -> None:
    shell.has("podman", f"echo {shlex.quote(said)} >&2; exit 125")

    done = shell.image("push", "--to", "r.example:5000/team")

    assert done.returncode == 1
    assert "error: podman could not push r.example:5000/team/" in done.stderr
    assert hint in done.stderr.partition("hint: ")[2]


def test_a_registry_without_a_certificate_is_pushed_to_on_request(shell: Shell) -> None:
    shell.has("podman")
    shell.has("docker")

    done = shell.image("push", "--to", "localhost:5000", "--insecure")
    refused = shell.image("push", "--to", "localhost:5000", "--insecure", "--engine", "docker")

    assert (done.returncode, refused.returncode) == (0, 2)
    assert shell.said[0].startswith("podman push --tls-verify=false ")
    assert len(shell.said) == 1
    assert "insecure-registries" in refused.stderr


@pytest.mark.parametrize(
    ("place", "said", "hint"),
    [
        ("kind", 'ERROR: no nodes found for cluster "dev"', "kind get clusters shows"),
        ("k3d", "FATA[0000] failed to get cluster dev: No nodes found for given cluster", "k3d cl"),
        ("minikube", '* Profile "dev" not found. Run "minikube profile list"', "minikube profile"),
        ("kind", "Cannot connect to the Docker daemon at unix:///var/run", "start docker"),
    ],
)
def test_a_cluster_that_does_not_take_an_archive_is_shown_with_what_to_do(
    shell: Shell, tmp_path: Path, place: str, said: str, hint: str
) -> None:
    archive = tmp_path / "epp.tar"
    archive.touch()
    shell.has(place, f"echo {shlex.quote(said)} >&2; exit 1")

    done = shell.image("load", "--from", str(archive), "--to", place, "--cluster", "dev")

    assert done.returncode == 1
    assert f"error: {place} could not load {archive} (exit code 1)" in done.stderr
    assert hint in done.stderr.partition("hint: ")[2]


def test_commands_are_printed_and_not_run(shell: Shell, tmp_path: Path) -> None:
    shell.has("podman")
    context = tmp_path / "context"

    build = shell.image("build", "--print-commands", "--context", str(context))
    push = shell.image("push", "--to", "registry.example/team", "--print-commands")
    load = shell.image("load", "--to", "kind", "--cluster", "dev", "--print-commands")

    assert build.stdout.startswith(f"podman build --file {context}/epp/Containerfile ")
    assert push.stdout.split()[-1] == f"docker://registry.example/team/{OURS.partition('/')[2]}"
    assert load.stdout.splitlines() == [
        f"podman push {OURS} docker-archive:image.tar:{OURS}",
        "kind load image-archive image.tar --name dev",
    ]
    assert shell.said == []
    assert (context / "epp" / "Containerfile").is_file()
    assert shell.image("build", "--print-commands").returncode == 2


def test_an_image_goes_into_the_cluster_of_the_current_context(
    shell: Shell, tmp_path: Path
) -> None:
    shell.has("docker")
    shell.has("k3d")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "{current-context: k3d-dev, contexts: [{name: k3d-dev, context: {cluster: c, user: u}}],\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}],\n"
        "users: [{name: u, user: {token: t}}]}\n"
    )

    done = shell.image("load", "--kubeconfig", str(kubeconfig))

    assert done.returncode == 0, done.stderr
    saved, loaded = shell.said
    assert saved.startswith("docker save --output ")
    assert loaded.startswith("k3d image import ")
    assert loaded.endswith(" --cluster dev")
    assert f"loaded {OURS} into dev" in done.stderr


def test_an_image_that_the_engine_does_not_have_must_be_built_first(
    shell: Shell, tmp_path: Path
) -> None:
    shell.has("podman", "echo 'no image of that name'; exit 125")

    done = shell.image("load", "--to", "archive", "--file", str(tmp_path / "epp.tar"))

    assert done.returncode == 1
    assert "gaiectl image build makes it" in done.stderr


def test_a_tool_of_a_cluster_that_is_not_there_is_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "epp.tar").touch()

    done = shell.image("load", "--from", str(tmp_path / "epp.tar"), "--to", "kind")

    assert done.returncode == 1
    assert "error: kind is not in PATH" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("load", "--to", "archive"),
        ("load", "--to", "kind", "--file", "epp.tar"),
        ("load", "--from", __file__, "--to", "archive", "--file", "copy.tar"),
        ("load", "--to", "archive", "--file", "no/such/folder/epp.tar"),
        ("load", "--to", "archive", "--file", "/"),
        ("load", "--to", "kind", "an image"),
        ("push", "--to", "r.example:999999/x"),
        ("push", "--to", "r.example/x", "--", "--authfile=x"),
        ("build", "--tag", "Not:valid:"),
        ("load", "an/image", "--from", __file__, "--to", "kind"),
        ("load", "--from", "nothing-there.tar", "--to", "kind"),
        ("load", "--to", "containerd", "--socket", "/nothing/there.sock"),
        ("push", "--to", "https://registry.example"),
    ],
)
def test_what_makes_no_sense_is_refused(shell: Shell, arguments: tuple[str, ...]) -> None:
    shell.has("podman")

    done = shell.image(*arguments)

    assert (done.returncode, shell.said) == (2, [])
    assert "hint: " in done.stderr
