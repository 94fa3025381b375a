"""Problems of configurations: for people, for programs, for code scanners, for GitHub."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from gaiectl.console import terminal

if TYPE_CHECKING:
    from epp.config import Problem

_COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}
_SARIF_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_GITHUB_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Report(NamedTuple):
    """What is to be said of one configuration.

    Attributes:
        title: how people call it.
        file: how problems call it.
        problems: in order of their places.
        fails: it cannot be used.
    """

    title: str
    file: str
    problems: Sequence["Problem"]
    fails: bool


def as_text(reports: Iterable[Report], release: str) -> str:
    """Return a line for each problem, one for its hint, and a verdict on each configuration.

    Args:
        reports: one per configuration.
        release: title of the release that they are checked for; empty for our own.
    """
    lines: list[str] = []
    for report in reports:
        for problem in report.problems:
            lines += _described(problem)
        lines.append(f"{report.title}: {_verdict(report, release)}")
    return "\n".join(lines)


def _described(problem: "Problem") -> list[str]:
    place = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
    severity = terminal.paint(problem.severity, _COLOURS[problem.severity], sys.stdout)
    where = f"{problem.path}: " if problem.path else ""
    line = f"{place}: {severity}: {where}{problem.message} [{problem.code}]"
    return [line, f"    {problem.hint}"] if problem.hint else [line]


def _verdict(report: Report, release: str) -> str:
    counts = [
        f"{count} {severity}{'s' if count > 1 and severity != 'info' else ''}"
        for severity in ("error", "warning")
        if (count := sum(p.severity == severity for p in report.problems))
    ]
    words = [f"valid{f' for {release}' if release else ''}"] if not report.fails else []
    return ", ".join([*words, *counts])


def as_json(reports: Iterable[Report], release: str) -> str:
    """Return the same for programs.

    Args:
        reports: one per configuration.
        release: name of the release that they are checked for.
    """
    configurations = [
        {
            "name": report.title,
            "valid": not report.fails,
            "problems": [_fields(problem) for problem in report.problems],
        }
        for report in reports
    ]
    return json.dumps({"release": release, "configurations": configurations}, indent=2)


def _fields(problem: "Problem") -> dict[str, Any]:
    return {
        "severity": problem.severity,
        "code": problem.code,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
    }


def as_sarif(reports: Iterable[Report], codes: dict[str, str], version: str) -> str:
    """Return the same in SARIF 2.1.0, for code scanners.

    Args:
        reports: one per configuration.
        codes: what each code means.
        version: of gaiectl.
    """
    rules = [{"id": code, "shortDescription": {"text": text}} for code, text in codes.items()]
    positions = {code: index for index, code in enumerate(codes)}
    driver = {"name": "gaiectl", "version": version, "rules": rules}
    results = [_result(problem, positions) for r in reports for problem in r.problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(problem: "Problem", positions: dict[str, int]) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(problem.file.lstrip("<").rstrip(">"))}
    }
    if problem.line:
        place["region"] = {"startLine": problem.line, "startColumn": problem.column}
    location: dict[str, Any] = {"physicalLocation": place}
    if problem.path:
        location["logicalLocations"] = [{"fullyQualifiedName": problem.path}]
    return {
        "ruleId": problem.code,
        "ruleIndex": positions[problem.code],
        "level": _SARIF_LEVELS[problem.severity],
        "message": {"text": _sentence(problem)},
        "locations": [location],
    }


def as_github(reports: Iterable[Report]) -> str:
    """Return the same as workflow commands, which GitHub shows beside the lines of a change."""
    return "\n".join(_command(problem) for report in reports for problem in report.problems)


def _command(problem: "Problem") -> str:
    properties = {"file": problem.file, "title": problem.code}
    if problem.line:
        properties |= {"line": str(problem.line), "col": str(problem.column)}
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = f"{problem.path}: {_sentence(problem)}" if problem.path else _sentence(problem)
    return f"::{_GITHUB_COMMANDS[problem.severity]} {written}::{_escaped(text)}"


def _sentence(problem: "Problem") -> str:
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
