"""How the process ends when something happens that nobody thought of."""

import json
import logging

import pytest

from epp.__main__ import serve
from epp.config import presets


def test_a_bug_is_a_line_in_the_log_and_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str) -> bool:
        raise RuntimeError(name or "no name")

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(presets, "is_preset", broken)

    assert serve([]) == 70
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["error"]) == ("error", "RuntimeError: no name")
    assert "in broken" in entry["stacktrace"]
