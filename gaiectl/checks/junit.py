"""A report as JUnit XML, as CI systems read it."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from gaiectl.checks.report import Outcome, Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """One check, as JUnit knows it.

    Attributes:
        category: becomes the class, below the suite.
        name: of the case.
        seconds: how long it took.
        failure: what is wrong, if it failed; ``hint`` is what to do then.
        skipped: why it was not made, if it was not.
        seen: further output.
    """

    category: str
    name: str
    seconds: float
    failure: str = ""
    hint: str = ""
    skipped: str = ""
    seen: str = ""


def junit(report: Report, suite: str) -> str:
    """Return the report as one test suite.

    Args:
        report: what came out.
        suite: the suite's name; each case's class is the suite and the category.
    """
    cases = [
        Case(
            category=str(result.check.category),
            name=f"{result.check.id}: {result.check.title}",
            seconds=result.seconds,
            failure=result.error if result.outcome is Outcome.FAILED else "",
            hint=result.hint,
            skipped=result.reason if result.outcome is Outcome.SKIPPED else "",
            seen=result.evidence,
        )
        for result in report.results
    ]
    return suite_of(cases, suite, {"gateway": report.gateway_url})


def suite_of(cases: Sequence[Case], suite: str, properties: Mapping[str, str]) -> str:
    """Return cases as one test suite.

    Args:
        cases: in their order.
        suite: the suite's name; each case's class is the suite and the category.
        properties: of the whole run.
    """
    root = ET.Element("testsuites")
    tests = ET.SubElement(
        root,
        "testsuite",
        name=suite,
        tests=str(len(cases)),
        failures=str(sum(bool(case.failure) for case in cases)),
        errors="0",
        skipped=str(sum(bool(case.skipped) for case in cases)),
        time=f"{sum(case.seconds for case in cases):.3f}",
    )
    listed = ET.SubElement(tests, "properties")
    for name, value in properties.items():
        ET.SubElement(listed, "property", name=name, value=_clean(value))
    for case in cases:
        element = ET.SubElement(
            tests,
            "testcase",
            classname=f"{suite}.{case.category}",
            name=case.name,
            time=f"{case.seconds:.3f}",
        )
        if case.failure:
            failure = ET.SubElement(element, "failure", message=_clean(case.failure), type="Failed")
            failure.text = _clean(f"{case.failure}\nhint: {case.hint}")
        elif case.skipped:
            ET.SubElement(element, "skipped", message=_clean(case.skipped))
        if case.seen:
            ET.SubElement(element, "system-out").text = _clean(case.seen)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _clean(text: str) -> str:
    """Replace what XML 1.0 cannot hold (section 2.2)."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
