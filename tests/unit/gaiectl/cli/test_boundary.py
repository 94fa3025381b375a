"""Whatever ends a command, the user sees no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from gaiectl.cli import app

CTRL_C_WHILE_LOADING = """
import sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "gaiectl.cli.app":
            exec("raise KeyboardInterrupt")  # as in the midst of making a dataclass

sys.meta_path.insert(0, Interrupted())
from gaiectl.__main__ import main
main()
"""


def test_ctrl_c_while_modules_are_loaded_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(CTRL_C_WHILE_LOADING)
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_while_a_class_is_made_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Field:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("gaiectl.local.stack.find_all", lambda: type("Owner", (), {"a": Field()}))
    monkeypatch.setattr(sys, "argv", ["gaiectl", "local", "list"])

    assert app.run() == 130
    assert capsys.readouterr() == ("", "")


def test_a_path_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    monkeypatch.setenv("GAIECTL_STATE_HOME", str(in_the_way))
    monkeypatch.setattr(sys, "argv", ["gaiectl", "local", "up", "-d"])

    code = app.run()

    assert code == 1
    assert f"error: {in_the_way}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "hint"), [("missing", "see how the path is written"), (".", "name a file in it")]
)
def test_a_path_that_holds_no_file_is_no_question_of_rights(
    name: str,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = str(tmp_path / name)
    monkeypatch.setattr(sys, "argv", ["gaiectl", "epp", "replay", path, "--config", "c.yaml"])
    (tmp_path / "c.yaml").write_text("")
    monkeypatch.chdir(tmp_path)

    code = app.run()

    assert code == 1
    assert f"hint: {hint}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", ""], "--model and --lora need a name"),
        (["--lora", "a", "--lora", ""], "--model and --lora need a name"),
        (["--endpoint", "http://127.0.0.1:1", "--lora", "a"], "are for simulators"),
        (["--body-mode", "x"], "invalid value for '--body-mode': 'x' is not one of"),
    ],
)
def test_a_senseless_command_line_is_refused_before_anything_starts(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["gaiectl", "local", "up", *arguments])
    code = app.run()

    assert code == 2
    assert message in capsys.readouterr().err


def test_the_faults_are_listed_with_what_they_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gaiectl", "local", "fault", "--help"])
    app.run()

    assert "metrics-401           answers /metrics with 401" in capsys.readouterr().out
