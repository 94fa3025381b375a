"""How checks are made: each ends, whatever the others do, and says what to do."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from gaiectl.checks.cluster.check import Check, Doubtful, Failed, Severity, Skipped, Stage
from gaiectl.checks.cluster.report import Outcome, Report, Result, failures
from gaiectl.checks.cluster.run import run
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.junit import suite_of
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.rights import NotAllowed
from gaiectl.console import cluster_report
from gaiectl.errors import GaieError

SCENE = Scene(None, Stage.PRE, name="llm", namespace="ns")  # type: ignore[arg-type] # no check asks it


def raising(error: Exception) -> Callable[[Scene], str]:
    def make(_: Scene) -> str:
        raise error

    return make


def check(number: int, run: Callable[[Scene], str], **more: Any) -> Check:
    given: dict[str, Any] = {
        "hint": "look at {name} in {namespace}",
        "fix": ("kubectl get -n {namespace}",),
    }
    given |= {"title": "it holds", "proves": "all"}
    return Check(id=f"KUB00{number}", run=run, **{**given, **more})


def made(*checks: Check) -> list[Result]:
    return list(run(checks, SCENE))


@pytest.mark.parametrize(
    ("error", "severity", "outcome"),
    [
        (Failed("no"), Severity.ERROR, Outcome.FAILED),
        (Failed("no"), Severity.WARNING, Outcome.WARNING),
        (Doubtful("no"), Severity.ERROR, Outcome.WARNING),
        (Skipped("no"), Severity.ERROR, Outcome.SKIPPED),
        (NotAllowed("no", hint="a rule"), Severity.ERROR, Outcome.SKIPPED),
        (GaieError("no", hint="do"), Severity.ERROR, Outcome.FAILED),
        (ApiError("no", hint="do", status=500, reason=""), Severity.ERROR, Outcome.FAILED),
        (ApiError("no", hint="do", status=403, reason=""), Severity.ERROR, Outcome.SKIPPED),
        (KeyError("metadata"), Severity.ERROR, Outcome.SKIPPED),
    ],
)
def test_whatever_happens_in_a_check_the_others_are_made(
    error: Exception, severity: Severity, outcome: Outcome
) -> None:
    first, second = made(check(1, raising(error), severity=severity), check(2, lambda _: "seen"))
    assert first.outcome is outcome
    assert first.seen
    assert (second.outcome, second.seen) == (Outcome.PASSED, "seen")
    assert failures([first]) == ([first] if outcome is Outcome.FAILED else [])


def test_a_hint_names_the_stack_and_a_finding_has_one_of_its_own() -> None:
    first, second = made(
        check(1, raising(Failed("no"))),
        check(2, raising(Failed("no", hint="do this", fix=("a", "b")))),
    )
    assert (first.hint, first.fix) == ("look at llm in ns", ("kubectl get -n ns",))
    assert (second.hint, second.fix) == ("do this", ("a", "b"))


def test_what_needs_a_check_that_failed_is_not_made() -> None:
    results = made(
        check(1, raising(Failed("no"))),
        check(2, lambda _: "never seen", needs=("KUB001",)),
        check(3, lambda _: "never seen", needs=("KUB002",)),
        check(4, raising(Doubtful("hm"))),
        check(5, lambda _: "seen", needs=("KUB004", "KUB009")),
    )
    assert [one.outcome for one in results] == [
        *(Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED, Outcome.WARNING, Outcome.PASSED)
    ]
    assert "KUB001 does not hold" in results[1].seen


def test_what_several_checks_want_is_asked_once() -> None:
    asked = []

    def ask(scene: Scene) -> str:
        return scene.once("key", lambda: asked.append(1) or "seen")

    assert {one.seen for one in made(*[check(n, ask) for n in range(9)])} == {"seen"}
    assert asked == [1]


def report(*results: Result) -> Report:
    return Report(
        stage=Stage.PRE,
        name="llm",
        namespace="ns",
        context="kind",
        server="https://127.0.0.1:6443",
        results=results,
        seconds=1.0,
    )


WORDS = "a rather long remark of the API server that goes on and on, with names and values "
LONG = check(
    1,
    raising(Failed(f"{WORDS * 2}\nsecond line\x00", hint=WORDS * 2)),
    title=WORDS.strip(),
    fix=(f"kubectl label {WORDS * 2}--overwrite",),
)


def test_text_keeps_to_80_columns_and_commands_can_be_pasted() -> None:
    results = made(LONG, check(2, raising(Doubtful(WORDS))), check(3, lambda _: WORDS))
    lines = cluster_report.category(results).splitlines()

    assert max(map(len, lines)) <= 80
    assert [line[3:18] for line in lines if line[3:10].strip() and line[0] != " "][2:] == [
        *("failed  KUB001 ", "warning KUB002 ", "passed  KUB003 ")
    ]
    start = next(n for n, line in enumerate(lines) if line.strip().startswith("$"))
    command = " ".join(line.strip().rstrip("\\").strip() for line in lines[start : start + 4])
    assert command.startswith(f"$ kubectl label {WORDS.strip()}")
    assert all(line.endswith("\\") for line in lines[start : start + 2])


def test_checks_skipped_for_one_reason_are_told_together() -> None:
    results = made(*[check(n, raising(Skipped("nothing there"))) for n in (1, 2, 3)])
    lines = cluster_report.category(results).splitlines()[2:]
    assert [line.strip() for line in lines] == ["-  skipped KUB001 to KUB003", "nothing there"]


def test_programs_read_the_same_as_people() -> None:
    found = report(*made(LONG, check(2, raising(Doubtful("hm"))), check(3, raising(Skipped("so")))))
    told = json.loads(json.dumps(found.as_json()))

    assert (told["apiVersion"], told["kind"]) == ("gaiectl/v1", "CheckReport")
    assert told["success"] is False
    assert told["counts"] == {"passed": 0, "warning": 1, "failed": 1, "skipped": 1}
    assert [one["result"] for one in told["checks"]] == ["failed", "warning", "skipped"]
    assert told["checks"][0]["fix"][0].startswith("kubectl label")

    suite = ET.fromstring(suite_of(found.cases(), "gaiectl.check", {"context": "kind"}))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert suite.find("testcase/failure") is not None
