"""The report of checks, as it stands on stdout."""

import io
import sys
from dataclasses import replace

import pytest

from gaiectl.checks.catalog import ALL
from gaiectl.checks.report import Outcome, Report, Result
from gaiectl.console import check_report

FAILED = Result(check=ALL[1], outcome=Outcome.FAILED, error="one\ntwo", hint="look", seconds=1)
PASSED = Result(check=ALL[0], outcome=Outcome.PASSED, evidence="in 4 ms", seconds=0.5)
SKIPPED = Result(check=ALL[2], outcome=Outcome.SKIPPED, reason="not here")


def ascii_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))


def test_every_result_is_a_sign_and_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_stdout(monkeypatch)

    assert check_report.result_lines(PASSED) == "OK passed  the models are listed\n    in 4 ms"
    assert check_report.result_lines(SKIPPED) == (
        "!! skipped a chat completion comes back\n    not here"
    )


def test_a_failure_shows_what_was_seen_and_what_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_stdout(monkeypatch)

    assert check_report.result_lines(FAILED) == (
        "XX failed  a completion comes back (completion)\n    one\n    two\n    hint: look"
    )


def test_a_terminal_gets_lines_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal(io.BytesIO(), encoding="ascii"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    seen = "8 tokens of a chat, 64 of a completion, usage right"

    assert check_report.result_lines(replace(PASSED, evidence=seen)).splitlines()[1:] == [
        "    8 tokens of a chat, 64 of a",
        "    completion, usage right",
    ]


def test_the_last_line_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_stdout(monkeypatch)

    assert check_report.summary(Report("", [PASSED, FAILED, SKIPPED])) == (
        "XX 1 passed, 1 failed, 1 skipped in 1.5 s"
    )
    assert check_report.summary(Report("", [PASSED])) == "OK 1 passed in 0.5 s"


def test_the_list_says_what_each_check_proves_and_breaks() -> None:
    listing = check_report.listing(ALL)

    assert all(check.id in listing and check.proves in listing for check in ALL)
    assert listing.count("kills endpoints") == sum(check.disturbs for check in ALL)


def test_a_run_in_which_all_was_skipped_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_stdout(monkeypatch)

    assert not Report("", [SKIPPED]).as_json()["success"]
    assert (
        check_report.summary(Report("", [SKIPPED])) == "XX 1 skipped in 0.0 s: nothing was proved"
    )
