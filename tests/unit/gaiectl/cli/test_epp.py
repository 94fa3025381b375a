import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gaiectl.cli.app import run
from gaiectl.errors import Exit

Run = Callable[..., tuple[int, str, str]]

GOOD = """apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: random-picker
"""
BAD = GOOD.replace("queue-scorer", "queue-scorrer").replace("kind", "kinds")


@pytest.fixture
def gaiectl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; return exit code, stdout and stderr."""

    def execute(*args: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gaiectl", *args])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return execute


def test_a_configuration_that_can_be_used_is_called_valid(gaiectl: Run, tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)

    assert gaiectl("epp", "validate", str(path)) == (Exit.OK, f"{path}: valid\n", "")


def test_problems_are_the_answer_and_the_command_fails(gaiectl: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)

    code, out, err = gaiectl("epp", "validate", str(path))

    hint = "did you mean 'queue-scorer'?"
    assert code == Exit.FAILED
    assert out.splitlines() == [
        f"{path}:1:1: field 'kind' is missing (Write EndpointPickerConfig.)",
        f"{path}:2:1: kinds: unknown field 'kinds' (did you mean 'kind'?)",
        f"{path}:4:9: plugins[0].type: unknown plugin type 'queue-scorrer' ({hint})",
    ]
    assert "1 of 1 configurations cannot be used" in err


def test_several_files_and_stdin_are_checked_in_one_run(gaiectl: Run, tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"

    code, out, _ = gaiectl("epp", "validate", "-", str(missing), stdin=GOOD)

    assert code == Exit.FAILED
    assert out.splitlines() == [
        "<stdin>: valid",
        f"{missing}: cannot be read: No such file or directory",
    ]


def test_json_tells_the_same_to_programs(gaiectl: Run) -> None:
    code, out, _ = gaiectl("epp", "validate", "-", "-o", "json", stdin=BAD)

    (report,) = json.loads(out)["files"]
    assert code == Exit.FAILED
    assert (report["file"], report["valid"], report["warnings"]) == ("<stdin>", False, [])
    assert report["problems"][1] == {
        "text": "<stdin>:2:1: kinds: unknown field 'kinds' (did you mean 'kind'?)",
        "line": 2,
        "column": 1,
        "path": "kinds",
        "message": "unknown field 'kinds'",
        "hint": "did you mean 'kind'?",
    }


def test_warnings_are_shown_and_do_not_fail(gaiectl: Run) -> None:
    text = GOOD.replace("kind", "featureGates: [dataLayer]\nkind")

    code, out, _ = gaiectl("epp", "validate", "-", stdin=text)

    assert code == Exit.OK
    assert out.splitlines() == [
        "<stdin>:2:16: featureGates[0]: feature gate 'dataLayer' has no effect here [warning]",
        "<stdin>: valid",
    ]


def test_the_schema_is_printed_as_json(gaiectl: Run) -> None:
    code, out, _ = gaiectl("epp", "schema")

    assert code == Exit.OK
    assert json.loads(out)["title"] == "EndpointPickerConfig"


def test_plugin_types_are_listed_with_parameters_and_defaults(gaiectl: Run) -> None:
    code, out, _ = gaiectl("epp", "plugins")

    lines = out.splitlines()
    assert code == Exit.OK
    assert "max-score-picker (picker): the best score wins." in lines
    assert "  maxNumOfEndpoints: integer, 1 or more, default 1" in lines
    assert "  path: string, required" in lines
    assert max(map(len, lines)) <= 80


def test_plugin_types_are_listed_as_json(gaiectl: Run) -> None:
    _, out, _ = gaiectl("epp", "plugins", "-o", "json")

    (picker,) = [p for p in json.loads(out)["plugins"] if p["type"] == "max-score-picker"]
    assert picker["parameters"] == [
        {
            "name": "maxNumOfEndpoints",
            "type": "integer",
            "required": False,
            "default": 1,
            "range": "1 or more",
            "description": "How many endpoints to name, in fallback order.",
        }
    ]
