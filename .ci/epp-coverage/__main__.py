"""Writes ``epp/COVERAGE.md``: each plugin type, flag, metric and answer with a test that covers it.

``python .ci/epp-coverage [--check]``. With ``--check`` it writes nothing and fails if something has
no test, if upstream has something that is missing here, or if the table names a test that is gone.

A test covers what it mentions in its own source, the constants, helpers and fixtures it uses: a
plugin's type or class, ``--flag`` or the option's name, a metric's name, a code. One that covers
something without naming it says so: ``@pytest.mark.covers("type:queue-scorer", "flag:v")``.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from references import Mentions, tests
from subjects import MOST, Subject, missing, subjects

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "epp" / "COVERAGE.md"
TITLES = {
    "type": "Plugin types",
    "flag": "Flags",
    "metric": "Metrics",
    "code": "Codes",
    "answer": "Answers",
}
ELSEWHERE = {
    "type": ("tests/unit/epp/config/", "tests/contracts/", "tests/integration/charts/"),
    "flag": ("tests/integration/charts/", "tests/contracts/test_generated_charts.py"),
}
"""Where names of things are read and written, and nothing is said of what they do."""

LESS = ("tests/cluster/", "/config/", "test_flags.py", "test_debug_pages.py")
"""Where a test often mentions things that it is not about: shown only if there is no other."""

_ROW = re.compile(r"^\| `(?P<name>[^`]+)` \|.*\| `?(?P<test>[^`|]+)`? \|$")


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python .ci/epp-coverage", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 for gaps")
    only_check = parser.parse_args().check
    wanted = subjects()
    covering = _covering(wanted)
    problems = [*missing(), *_wrong_marks(wanted)]
    problems += [f"{s.key} has no test" for s in wanted if not covering[s.key]]
    if only_check:
        problems += _stale(wanted, covering)
    else:
        TABLE.write_text(_table(wanted, covering), encoding="utf-8")
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    return 1 if problems else 0


def _covering(wanted: list[Subject]) -> Mapping[str, list[str]]:
    """Return the tests of each subject, those first that are about fewer others."""
    found: dict[str, list[tuple[bool, int, str]]] = {subject.key: [] for subject in wanted}
    for test, mentions in tests(ROOT):
        if not mentions.asserts:
            continue
        for kind in TITLES:
            if test.startswith(ELSEWHERE.get(kind, ("?",))):
                continue
            about = [s for s in wanted if s.kind == kind and _is_covered(s, mentions)]
            if len(about) <= MOST or kind == "metric":
                for subject in about:
                    found[subject.key].append((any(s in test for s in LESS), len(about), test))
    return {key: [test for *_, test in sorted(by)] for key, by in found.items()}


def _is_covered(subject: Subject, mentions: Mentions) -> bool:
    return subject.key in mentions.marks or subject.is_mentioned(mentions)


def _wrong_marks(wanted: list[Subject]) -> list[str]:
    known = {subject.key for subject in wanted}
    return [
        f"{test} covers {mark!r}, which does not exist"
        for test, mentions in tests(ROOT)
        for mark in sorted(mentions.marks - known)
    ]


def _table(wanted: list[Subject], covering: Mapping[str, list[str]]) -> str:
    lines = [
        "# What is tested where",
        "",
        "Made by `python .ci/epp-coverage`; a test fails if something has none.",
    ]
    for kind, title in TITLES.items():
        lines += ["", f"## {title}", "| name | about | test |", "|---|---|---|"]
        for subject in wanted:
            if subject.kind == kind:
                test = next(iter(covering[subject.key]), "")
                shown = f"`{test}`" if test else "none"
                about = subject.about.replace("|", "\\|")
                lines.append(f"| `{subject.name}` | {about} | {shown} |")
    return "\n".join(lines) + "\n"


def _stale(wanted: list[Subject], covering: Mapping[str, list[str]]) -> list[str]:
    """Return what the table in the tree says wrongly; other tests than the best may stand there."""
    listed: dict[str, str] = {}
    kind = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines() if TABLE.is_file() else []:
        if line.startswith("## "):
            kind = next(key for key, title in TITLES.items() if line == f"## {title}")
        elif row := _ROW.match(line):
            listed[f"{kind}:{row['name']}"] = row["test"].strip()
    hint = "run python .ci/epp-coverage"
    known = {subject.key for subject in wanted}
    return [
        *(f"{key} is not in the table: {hint}" for key in sorted(known - listed.keys())),
        *(f"{key} is in the table only: {hint}" for key in sorted(listed.keys() - known)),
        *(
            f"{test} does not cover {key}, as the table says: {hint}"
            for key, test in listed.items()
            if key in known and covering[key] and test not in covering[key]
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
