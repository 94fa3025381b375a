"""A report as JUnit XML, as CI systems read it."""

import re
from xml.etree import ElementTree as ET

from gaiectl.checks.report import Outcome, Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report, suite: str) -> str:
    """Return the report as one test suite.

    Args:
        report: what came out.
        suite: the suite's name; each case's class is the suite and the category.
    """
    root = ET.Element("testsuites")
    tests = ET.SubElement(
        root,
        "testsuite",
        name=suite,
        tests=str(len(report.results)),
        failures=str(report.count(Outcome.FAILED)),
        errors="0",
        skipped=str(report.count(Outcome.SKIPPED)),
        time=f"{report.seconds:.3f}",
    )
    properties = ET.SubElement(tests, "properties")
    ET.SubElement(properties, "property", name="gateway", value=_clean(report.gateway_url))
    for result in report.results:
        case = ET.SubElement(
            tests,
            "testcase",
            classname=f"{suite}.{result.check.category}",
            name=f"{result.check.id}: {result.check.title}",
            time=f"{result.seconds:.3f}",
        )
        if result.outcome is Outcome.FAILED:
            failure = ET.SubElement(case, "failure", message=_clean(result.error), type="Failed")
            failure.text = _clean(f"{result.error}\nhint: {result.hint}")
        elif result.outcome is Outcome.SKIPPED:
            ET.SubElement(case, "skipped", message=_clean(result.reason))
        if result.evidence:
            ET.SubElement(case, "system-out").text = _clean(result.evidence)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _clean(text: str) -> str:
    """Replace what XML 1.0 cannot hold (section 2.2)."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
