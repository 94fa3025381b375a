"""Our charts get their library; a user's chart is used where it is."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gaiectl import charts
from gaiectl.assets import folder
from gaiectl.errors import GaieError, UsageError


def files_below(top: Path) -> set[str]:
    return {
        Path(where, name).relative_to(top).as_posix()
        for where, _, names in os.walk(top, followlinks=True)
        for name in names
    }


@pytest.mark.parametrize("way", [charts.complete, charts.copy])
@pytest.mark.parametrize("name", ["gateway", "inferencepool", "modelservice", "standalone"])
def test_a_chart_is_completed_with_the_library(
    name: str, way: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    copy = way(name, tmp_path)
    own = files_below(folder("charts") / name)
    library = files_below(folder("charts") / charts.LIBRARY)

    assert copy == tmp_path / name
    assert files_below(copy) == own | {f"charts/{charts.LIBRARY}/{file}" for file in library}


def test_a_chart_without_dependencies_gets_no_library(tmp_path: Path) -> None:
    assert not (charts.complete("inference-crds", tmp_path) / "charts").exists()


def test_a_copy_holds_no_link(tmp_path: Path) -> None:
    charts.copy("standalone", tmp_path)

    assert [path for path in tmp_path.rglob("*") if path.is_symlink()] == []


def test_the_library_is_no_chart_to_render() -> None:
    assert charts.names() == [
        *("gateway", "inference-crds", "inferencepool", "modelservice", "standalone"),
    ]
    assert not charts.is_bundled(charts.LIBRARY)


def test_completing_a_chart_takes_no_time_to_speak_of(tmp_path: Path) -> None:
    def seconds(target: Path) -> float:
        target.mkdir()
        before = time.process_time()
        charts.complete("standalone", target)
        return time.process_time() - before

    assert min(seconds(tmp_path / str(n)) for n in range(5)) < 0.010


def test_a_users_chart_is_used_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: mine\n")

    assert charts.complete(str(tmp_path), tmp_path / "unused") == tmp_path
    assert not (tmp_path / "unused").exists()


def test_a_users_archive_is_used_as_it_is(tmp_path: Path) -> None:
    archive = tmp_path / "mine-0.1.0.tgz"
    archive.touch()

    assert charts.complete(str(archive), tmp_path) == archive


@pytest.mark.parametrize(
    ("path", "message"),
    [("./standalon", "no such file or folder"), (".", "the folder holds no Chart.yaml")],
)
def test_a_path_that_is_no_chart_is_named(
    path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GaieError, match=message) as caught:
        charts.complete(path, tmp_path)

    assert f"chart {path}:" in caught.value.message


def test_an_unknown_name_lists_the_charts() -> None:
    with pytest.raises(UsageError) as caught:
        charts.source("standalon")

    assert "standalone" in caught.value.hint
