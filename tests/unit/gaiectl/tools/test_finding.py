"""Which program is used: the one named, the one in PATH, the one fetched."""

from pathlib import Path

import pytest

from gaiectl.errors import GaieError, UsageError
from gaiectl.tools import catalogue, finding
from gaiectl.tools.catalogue import HELM, HELM3
from gaiectl.tools.finding import Source, ToolMissing


def program(path: Path, says: str = "v4.3.1+gc0d08d0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GAIECTL_HELM", raising=False)


def test_the_order_is_option_variable_path_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = program(tmp_path / "cache" / "gaiectl" / "tools" / "helm" / HELM.version / "helm")
    assert finding.find(HELM) == finding.Found(tool=HELM, path=cached, source=Source.CACHE)

    in_path = program(tmp_path / "bin" / "helm")
    assert finding.find(HELM) == finding.Found(tool=HELM, path=in_path, source=Source.PATH)

    variable = program(tmp_path / "by-variable")
    monkeypatch.setenv("GAIECTL_HELM", str(variable))
    assert finding.find(HELM) == finding.Found(tool=HELM, path=variable, source=Source.GIVEN)

    option = program(tmp_path / "by-option")
    assert finding.find(HELM, option).path == option


def test_a_tool_that_is_nowhere_says_how_to_get_it() -> None:
    with pytest.raises(ToolMissing) as caught:
        finding.find(HELM)

    assert caught.value.message.startswith("helm was not found")
    assert caught.value.hint == "gaiectl tools install helm"


def test_a_user_without_a_home_is_told_where_tools_would_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("os.getuid", lambda: 1234567)
    with pytest.raises(ToolMissing) as caught:
        finding.find(HELM)

    assert "XDG_CACHE_HOME" in caught.value.hint


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    finding.cached_path(HELM).mkdir(parents=True)

    with pytest.raises(ToolMissing, match="helm was not found"):
        finding.find(HELM)


def test_a_name_is_looked_up_in_path_and_a_file_of_that_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = program(tmp_path / "bin" / "helm-4.2")
    monkeypatch.chdir(tmp_path)
    assert finding.find(HELM, Path("helm-4.2")).path == other

    here = program(tmp_path / "helm-4.2")
    assert finding.find(HELM, Path("helm-4.2")).path == here


def test_what_the_user_named_is_never_replaced_by_another(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "helm")
    with pytest.raises(ToolMissing, match="does not exist"):
        finding.find(HELM, tmp_path / "nowhere")


def test_a_file_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    file = tmp_path / "helm"
    file.touch()
    with pytest.raises(ToolMissing) as caught:
        finding.find(HELM, file)

    assert caught.value.hint == f"chmod +x {file}"


def test_helm_3_and_4_live_side_by_side() -> None:
    assert finding.cached_path(HELM3) != finding.cached_path(HELM)


def test_a_relative_cache_folder_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert finding.cache_folder() == tmp_path / ".cache" / "gaiectl" / "tools"


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("v4.3.1+gc0d08d0", "4.3.1"),
        ("helmfile version 0.166.0", "0.166.0"),
        ("clientVersion:\n  gitVersion: v1.32.4-dispatcher", "1.32.4-dispatcher"),
    ],
)
def test_the_version_is_what_the_program_says(says: str, expected: str, tmp_path: Path) -> None:
    found = finding.find(HELM, program(tmp_path / "helm", says))

    assert finding.version(found) == expected


def test_a_program_that_says_no_version_is_named(tmp_path: Path) -> None:
    found = finding.find(HELM, program(tmp_path / "helm", "hello"))
    with pytest.raises(GaieError, match="does not say which helm it is") as caught:
        finding.version(found)

    assert caught.value.detail == "hello"


def test_an_unknown_tool_lists_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.get("hlm")

    assert caught.value.hint == "choose from helm, helm3, helmfile, kubectl"
