"""An export is whole, can be repeated, and never takes what is not ours."""

from pathlib import Path

import pytest

from gaiectl.errors import Refused, UsageError
from gaiectl.operations import charts


def content(top: Path) -> dict[str, str]:
    return {
        path.relative_to(top).as_posix(): path.read_text()
        for path in top.rglob("*")
        if path.is_file()
    }


def test_an_export_holds_every_chart_and_its_library(tmp_path: Path) -> None:
    paths = charts.export(tmp_path / "new" / "charts")

    assert [path.name for path in paths] == [
        *("gateway", "inference-crds", "inferencepool", "modelservice", "standalone"),
    ]
    assert (paths[0] / "charts" / "epplib" / "Chart.yaml").is_file()
    assert (tmp_path / "new" / "charts" / "epplib" / "Chart.yaml").is_file()


def test_one_chart_can_be_exported_alone(tmp_path: Path) -> None:
    charts.export(tmp_path, ["inference-crds"])

    assert sorted(path.name for path in tmp_path.iterdir()) == [charts.RECORD, "inference-crds"]


def test_an_export_can_be_repeated_and_gives_the_same(tmp_path: Path) -> None:
    charts.export(tmp_path)
    before = content(tmp_path)
    charts.export(tmp_path)

    assert content(tmp_path) == before


def test_what_an_older_version_wrote_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charts.export(tmp_path)
    extra = tmp_path / "standalone" / "templates" / "old.yaml"
    extra.write_text("kind: Old\n")
    record = charts._read_record(tmp_path)
    record["standalone"] |= charts._hashes(tmp_path / "standalone")
    charts._write_record(tmp_path, record)
    charts.export(tmp_path)

    assert not extra.exists()


def test_what_helm_dependency_update_leaves_is_no_obstacle(tmp_path: Path) -> None:
    charts.export(tmp_path)
    (tmp_path / "standalone" / "Chart.lock").write_text("dependencies: []\n")
    (tmp_path / "standalone" / "charts" / "epplib-0.1.0.tgz").write_bytes(b"packed")
    charts.export(tmp_path)

    assert not (tmp_path / "standalone" / "Chart.lock").exists()


@pytest.mark.parametrize("name", ["values.yaml", "mine.yaml"])
def test_a_file_that_the_user_wrote_is_not_replaced_unless_forced(
    name: str, tmp_path: Path
) -> None:
    charts.export(tmp_path)
    mine = tmp_path / "standalone" / name
    mine.write_text("mine: true\n")
    before = content(tmp_path)
    with pytest.raises(Refused) as caught:
        charts.export(tmp_path)

    assert caught.value.detail == f"standalone/{name}"
    assert content(tmp_path) == before

    charts.export(tmp_path, force=True)

    assert not mine.exists() or mine.read_text() != "mine: true\n"


def test_a_chart_of_the_same_name_that_is_not_ours_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "standalone").mkdir()
    (tmp_path / "standalone" / "Chart.yaml").write_text("name: standalone\n")
    with pytest.raises(Refused):
        charts.export(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["standalone"]


def test_other_things_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    charts.export(tmp_path)

    assert (tmp_path / "README.md").read_text() == "mine\n"


def test_when_one_chart_cannot_be_put_in_place_none_is(tmp_path: Path) -> None:
    charts.export(tmp_path, ["inference-crds"])
    before = content(tmp_path)
    new, old = tmp_path / "new", tmp_path / "old"
    (new / "inference-crds").mkdir(parents=True)
    old.mkdir()
    with pytest.raises(FileNotFoundError):
        charts._exchange(["inference-crds", "missing"], new=new, old=old, target=tmp_path)
    new.joinpath("inference-crds").rmdir()

    assert content(tmp_path) == before


def test_an_unknown_chart_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        charts.export(tmp_path / "charts", ["standalone", "standalon"])

    assert list(tmp_path.iterdir()) == []


def test_the_values_of_a_chart_come_with_their_comments() -> None:
    assert "#" in charts.values("standalone")
    assert charts.values("inference-crds") == ""


def test_every_chart_says_what_it_is_for() -> None:
    assert all(chart.description and chart.version for chart in charts.describe())
