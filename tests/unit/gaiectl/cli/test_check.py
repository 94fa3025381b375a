"""``gaiectl check`` on the command line, where there is no cluster to ask."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from gaiectl.cli.app import run

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def gaiectl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line outside of any pod; return exit code and what was written."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    def call(*arguments: str) -> tuple[int, Any]:
        monkeypatch.setattr("sys.argv", ["gaiectl", *arguments])
        code = run()
        return code, capsys.readouterr()

    return call


def test_where_no_cluster_is_no_check_is_made_and_programs_hear_of_it_too(gaiectl: Run) -> None:
    where = ("--kubeconfig", "/nowhere/kubeconfig")
    code, said = gaiectl("check", *where)
    assert (code, said.out) == (2, "")
    assert "error: no cluster to ask" in said.err
    assert "hint: " in said.err

    code, said = gaiectl("check", *where, "-o", "json")
    report = json.loads(said.out)
    assert (code, report["success"]) == (2, False)
    assert [one["id"] for one in report["checks"]] == ["KUB000"]

    code, said = gaiectl("check", *where, "-o", "junit")
    assert (code, ET.fromstring(said.out)[0].get("failures")) == (2, "1")


def test_the_checks_are_listed_without_a_cluster(gaiectl: Run) -> None:
    code, said = gaiectl("check", "--list", "--post", "-o", "json")
    listed = json.loads(said.out)

    assert code == 0
    assert {"KUB001", "DAT004"} <= {one["id"] for one in listed}
    assert all("post" in one["stages"] and one["proves"] for one in listed)
    assert "KUB001  the API server answers you" in gaiectl("check", "--list")[1].out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("foo", "llm"), "'foo' is no path"),
        (("--pre", "--post"), "--pre and --post are two checks"),
        (("-o", "csv"), "'csv' is not one of text, json, yaml, junit"),
    ],
)
def test_what_makes_no_sense_is_told(gaiectl: Run, arguments: tuple[str, ...], said: str) -> None:
    code, output = gaiectl("check", *arguments)
    assert code == 2
    assert said in output.err
