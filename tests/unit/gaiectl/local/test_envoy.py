"""Envoy is found where the user says, refused with its own words, and never guessed."""

from pathlib import Path

import pytest

from gaiectl.errors import GaieError, UsageError
from gaiectl.local import envoy


@pytest.fixture
def no_envoy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GAIECTL_ENVOY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


@pytest.mark.usefixtures("no_envoy")
def test_the_flag_comes_before_the_environment_before_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    by_flag = program(tmp_path / "flag", "exit")
    by_variable = program(tmp_path / "variable", "exit")
    on_path = program(tmp_path / "bin" / "envoy", "exit")
    found = []
    monkeypatch.setenv("PATH", str(on_path.parent))
    found.append(envoy.find())
    monkeypatch.setenv("GAIECTL_ENVOY", str(by_variable))
    found.append(envoy.find())
    found.append(envoy.find(str(by_flag)))

    assert found == [str(on_path), str(by_variable), str(by_flag)]


@pytest.mark.usefixtures("no_envoy")
def test_a_path_that_is_no_program_is_an_error_with_its_origin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match="--envoy-path: '/nowhere' is not a program"):
        envoy.find("/nowhere")
    monkeypatch.setenv("GAIECTL_ENVOY", "/nowhere")
    with pytest.raises(UsageError, match="GAIECTL_ENVOY: '/nowhere' is not a program"):
        envoy.find()


def test_a_configuration_envoy_refuses_is_shown_with_its_words(tmp_path: Path) -> None:
    strict = program(tmp_path / "envoy", "echo unknown field: listener; exit 1")

    with pytest.raises(GaieError, match="Envoy refuses its configuration") as caught:
        envoy.validate(str(strict), tmp_path / "envoy.yaml")
    assert caught.value.detail == "unknown field: listener"


def test_what_is_no_program_for_this_machine_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "envoy"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o700)

    with pytest.raises(GaieError, match="cannot run"):
        envoy.validate(str(broken), tmp_path / "envoy.yaml")
