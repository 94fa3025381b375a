"""A folder of manifests is rewritten as a whole, and what a user keeps there is safe."""

from pathlib import Path

import pytest

from gaiectl.documents import Document
from gaiectl.errors import Refused
from gaiectl.operations import own_folder
from gaiectl.operations.manifests import write


def config(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def manifests(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.yaml"))


def test_a_file_of_an_object_that_is_gone_is_removed(tmp_path: Path) -> None:
    write([config("a"), config("b")], tmp_path / "out")
    write([config("b")], tmp_path / "out")

    assert manifests(tmp_path / "out") == ["000-configmap-b.yaml"]


def test_a_file_that_the_user_added_stays(tmp_path: Path) -> None:
    write([config("a")], tmp_path)
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    write([config("b")], tmp_path)

    assert manifests(tmp_path) == ["000-configmap-b.yaml", "kustomization.yaml"]
    assert (tmp_path / "kustomization.yaml").read_text() == "resources: []\n"


def test_a_users_file_of_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    write([config("a")], tmp_path)
    (tmp_path / "000-configmap-b.yaml").write_text("mine")
    with pytest.raises(Refused, match=r"000-configmap-b\.yaml would be lost"):
        write([config("b")], tmp_path)

    assert (tmp_path / "000-configmap-b.yaml").read_text() == "mine"
    assert (tmp_path / "000-configmap-a.yaml").is_file()


def test_a_link_to_a_folder_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for _ in range(2):
        write([config("a")], tmp_path / "link")

    assert (tmp_path / "link").is_symlink()
    assert manifests(tmp_path / "real") == ["000-configmap-a.yaml"]


def test_the_working_folder_stays_the_one_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        write([config("a")], Path())

    assert Path().samefile(tmp_path)
    assert sorted(file.name for file in Path().iterdir()) == [
        ".gaiectl-manifests",
        "000-configmap-a.yaml",
    ]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    write([config("a")], tmp_path)
    with pytest.raises(OSError, match="File name too long"):
        write([config("b"), config("x" * 300)], tmp_path)

    assert manifests(tmp_path) == ["000-configmap-a.yaml"]
    assert len(list(tmp_path.iterdir())) == 2


def test_nothing_outside_the_folder_is_removed_whatever_its_record_says(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".gaiectl-manifests").write_bytes(b"../mine.yaml\n\xff\n")
    (tmp_path / "mine.yaml").write_text("mine")
    write([config("a")], tmp_path / "out")

    assert (tmp_path / "mine.yaml").is_file()


def test_a_link_of_the_users_is_not_written_through(tmp_path: Path) -> None:
    own_folder.write({"a.yaml": "a"}, tmp_path / "out", "record")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "b.yaml").write_text("theirs")
    (tmp_path / "out" / "base").symlink_to(tmp_path / "theirs")

    with pytest.raises(Refused, match="base would be lost"):
        own_folder.write({"base/b.yaml": "ours"}, tmp_path / "out", "record")

    assert (tmp_path / "theirs" / "b.yaml").read_text() == "theirs"
    assert (tmp_path / "out" / "a.yaml").is_file()


def test_a_users_folder_at_the_place_of_a_file_stays(tmp_path: Path) -> None:
    own_folder.write({"a.yaml": "a"}, tmp_path, "record")
    (tmp_path / "b.yaml").mkdir()
    (tmp_path / "b.yaml" / "mine").write_text("mine")

    with pytest.raises(Refused, match=r"b\.yaml/mine would be lost"):
        own_folder.write({"b.yaml": "b"}, tmp_path, "record")

    assert (tmp_path / "a.yaml").is_file()


def test_folders_that_nothing_is_in_any_more_go(tmp_path: Path) -> None:
    own_folder.write({"crds/deep/a.yaml": "a", "base/b.yaml": "b"}, tmp_path, "record")
    own_folder.write({"base/b.yaml": "b"}, tmp_path, "record")

    assert sorted(one.name for one in tmp_path.iterdir()) == ["base", "record"]
