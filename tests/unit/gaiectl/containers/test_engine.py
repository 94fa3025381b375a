"""The command lines of engines and of the tools of local clusters."""

import os
from pathlib import Path

import pytest

from gaiectl.containers.engine import Engine, Kind, find
from gaiectl.containers.places import Place, loading, of_context
from gaiectl.errors import GaieError, UsageError
from gaiectl.operations.image_build import Build, commands
from gaiectl.operations.image_move import Load, load_commands, place_of, target_of

OURS = "localhost/gaiectl/epp:1"


def engine(kind: Kind) -> Engine:
    return Engine(kind, kind)


def program(folder: Path, name: str) -> None:
    folder.joinpath(name).touch(mode=0o755)


@pytest.fixture
def in_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    return tmp_path


def test_the_engine_is_the_one_that_is_named_or_else_the_first_that_is_there(in_path: Path) -> None:
    program(in_path, "buildah")
    program(in_path, "docker")

    assert find().kind is Kind.DOCKER
    assert find(Kind.BUILDAH).kind is Kind.BUILDAH
    with pytest.raises(GaieError, match="podman is not in PATH") as missing:
        find(Kind.PODMAN)
    assert missing.value.hint.endswith("--engine docker|buildah")


def test_without_any_engine_it_is_said_which_ones_would_do(in_path: Path) -> None:
    with pytest.raises(GaieError, match="neither podman nor docker nor buildah"):
        find()


@pytest.mark.parametrize("kind", Kind)
def test_a_build_names_its_file_its_images_and_its_tag(kind: Kind) -> None:
    build = Build(OURS, "1", base="mirror/python:3", flags=("--platform", "linux/arm64"))

    (command,) = commands(engine(kind), build, Path("/context"), Path("/out"))

    words = " ".join(command)
    assert words.startswith(f"{kind} build ")
    assert "--file /context/epp/Containerfile" in words
    assert "--build-arg BASE_IMAGE=mirror/python:3" in words
    assert "--build-arg BUILD_IMAGE=mirror/python:3" in words
    assert words.endswith(f"--platform linux/arm64 --tag {OURS} /context")


def test_images_that_nobody_names_are_those_of_the_containerfile() -> None:
    (command,) = commands(engine(Kind.PODMAN), Build(OURS, "1"), Path("/context"), Path("/out"))

    assert not any("_IMAGE=" in word for word in command)


def test_the_bill_of_materials_is_another_target_of_the_same_build() -> None:
    build = Build(OURS, "1", sbom=Path("epp.cdx.json"))

    first, second = commands(engine(Kind.BUILDAH), build, Path("/context"), Path("/out"))

    assert "--layers" in first
    assert second[-5:-1] == ("--target", "sbom", "--output", "type=local,dest=/out")
    assert "--tag" not in second


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.PODMAN, [f"podman push {OURS} docker://r.example/t/gaiectl/epp:1"]),
        (Kind.BUILDAH, [f"buildah push {OURS} docker://r.example/t/gaiectl/epp:1"]),
        (
            Kind.DOCKER,
            [
                f"docker tag {OURS} r.example/t/gaiectl/epp:1",
                "docker push r.example/t/gaiectl/epp:1",
            ],
        ),
    ],
)
def test_an_image_is_pushed_by_its_path_in_the_registry(kind: Kind, expected: list[str]) -> None:
    pushed = engine(kind).push(OURS, target_of(OURS, "r.example/t"))

    assert [" ".join(command) for command in pushed] == expected


def test_what_is_no_registry_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a registry"):
        target_of(OURS, "https://registry.example")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place.KIND, "kind load image-archive a.tar --name dev"),
        (Place.K3D, "k3d image import a.tar --cluster dev"),
        (Place.MINIKUBE, "minikube image load a.tar --profile dev"),
        (Place.CONTAINERD, "ctr --address /c.sock --namespace k8s.io images import a.tar"),
    ],
)
def test_each_place_has_a_tool_that_loads_an_archive(place: Place, expected: str) -> None:
    command = loading(place, Path("a.tar"), cluster="dev", socket=Path("/c.sock"))

    assert " ".join(command) == expected


@pytest.mark.parametrize(
    ("context", "place", "name"),
    [
        ("kind-dev", Place.KIND, "dev"),
        ("k3d-my-own", Place.K3D, "my-own"),
        ("minikube", Place.MINIKUBE, "minikube"),
    ],
)
def test_a_context_tells_which_local_cluster_it_is(context: str, place: Place, name: str) -> None:
    assert place_of(context) == (place, name)


def test_an_image_for_another_cluster_needs_a_registry_or_a_place() -> None:
    assert of_context("production") is None
    with pytest.raises(UsageError, match="'production' is of no cluster of kind") as unknown:
        place_of("production")
    assert "gaiectl image push --to" in unknown.value.hint


def test_an_archive_that_is_there_is_loaded_without_an_engine() -> None:
    load = Load(OURS, Place.KIND, "dev")

    assert len(load_commands(None, load, Path("a.tar"))) == 1
    saved, loaded = load_commands(engine(Kind.DOCKER), load, Path("a.tar"))
    assert saved == ("docker", "save", "--output", "a.tar", OURS)
    assert loaded[0] == "kind"
    (only,) = load_commands(engine(Kind.PODMAN), load._replace(place=Place.ARCHIVE), Path("a.tar"))
    assert only == ("podman", "push", OURS, f"docker-archive:a.tar:{OURS}")
