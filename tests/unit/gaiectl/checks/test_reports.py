"""Reports: the JSON others read, and JUnit XML that every parser takes."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from gaiectl.checks.catalog import ALL
from gaiectl.checks.junit import junit
from gaiectl.checks.report import Outcome, Report, Result, not_started
from gaiectl.errors import GaieError

PASSED = Result(check=ALL[0], outcome=Outcome.PASSED, evidence="seen", seconds=0.0123)
FAILED = Result(check=ALL[1], outcome=Outcome.FAILED, error="not <so>", hint="look", seconds=1.5)
SKIPPED = Result(check=ALL[2], outcome=Outcome.SKIPPED, reason="not here")
REPORT = Report("http://127.0.0.1:1", [PASSED, FAILED, SKIPPED])


def test_json_says_everything_and_null_where_nothing_applies() -> None:
    data = REPORT.as_json()

    assert data["success"] is False
    assert data["gateway"] == {"url": "http://127.0.0.1:1"}
    assert data["checks"][0] == {
        "id": "models",
        "category": "Answers",
        "title": ALL[0].title,
        "proves": ALL[0].proves,
        "result": "passed",
        "evidence": "seen",
        "error": None,
        "reason": None,
        "hint": None,
        "durationMs": 12.3,
    }
    assert [check["result"] for check in data["checks"]] == ["passed", "failed", "skipped"]
    assert (data["checks"][1]["error"], data["checks"][1]["hint"]) == ("not <so>", "look")
    assert data["checks"][2]["reason"] == "not here"


def test_skipping_is_no_failure() -> None:
    assert Report("", [PASSED, SKIPPED]).is_success


def test_junit_counts_and_explains() -> None:
    suite = ET.fromstring(junit(REPORT, "gaiectl.local.test"))[0]
    cases = suite.findall("testcase")

    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
        "errors": "0",
    }
    assert suite.get("time") == "1.512"
    assert [case.get("time") for case in cases] == ["0.012", "1.500", "0.000"]
    assert cases[0].get("classname") == "gaiectl.local.test.Answers"
    assert cases[0].get("name") == "models: the models are listed"
    failure, skipped = cases[1].find("failure"), cases[2].find("skipped")
    assert failure is not None
    assert skipped is not None
    assert (failure.get("message"), failure.text) == ("not <so>", "not <so>\nhint: look")
    assert skipped.get("message") == "not here"


@given(st.text())
def test_junit_stays_xml_whatever_a_server_says(text: str) -> None:
    results = [
        Result(check=ALL[0], outcome=Outcome.FAILED, error=text, hint=text),
        Result(check=ALL[1], outcome=Outcome.SKIPPED, reason=text),
        Result(check=ALL[2], outcome=Outcome.PASSED, evidence=text),
    ]

    assert len(ET.fromstring(junit(Report(text, results), "s").encode())[0]) == 4


def test_a_stack_that_does_not_start_is_a_failed_check() -> None:
    report = not_started(GaieError("no Envoy", hint="install it", detail="looked in PATH"))

    assert not report.is_success
    assert report.as_json()["checks"][0]["error"] == "no Envoy\nlooked in PATH"
    assert report.as_json()["checks"][0]["hint"] == "install it"
