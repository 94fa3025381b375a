"""Helm's complaints, reduced to the sentence that matters. Helm 3 and 4 word them differently."""

import re
import signal
from collections.abc import Callable

from gaiectl.errors import GaieError


class HelmFailed(GaieError):
    """Helm could not do it."""


_VALUES = "correct the value, in your values file or --set, and run the command again"
_TEMPLATE = "correct the chart's template, or the value it reads"
_CHART = "see that the chart is complete: helm lint CHART"

# Texts, compiled when Helm fails: compiling them takes longer than most of a good run's own work.
# A template's own `fail` or `required`: execution error at (chart/templates/x.yaml:2:35): text
_FAIL = r"(?s)execution error at \([^)]*\): (.+)"
_YAML = r"(?s)YAML parse error on (\S+): (?:error [^:]*: )?(?:yaml: )?(.+)"
_PARSE = r"(?s)parse error at \((\S+?)\): (.+)"
_EXECUTION = (
    r"(?s)(?<!\S)(\S+/templates/\S+:\d+:\d+)(?::|\n) *"
    r"executing \"[^\"]*\" at <(.+?)>:\s*(.+)"
)
_SCHEMA = (
    r"(?s)values don't meet the specifications of the schema\(s\) in the following chart\(s\):\n"
    r"(.+)"
)
_FILE = r"(?s)failed to parse (.+?): (?:cannot [^:]*: )?(?:error [^:]*: )+(.+)"
_SET = r"(?s)failed parsing (--set\S*) data: (.+)"
_NO_FILE = r"open (.+): (no such file or directory|permission denied|is a directory)"
_DEPENDENCY = r"missing in charts/ directory: (.+)"
_KUBE = r"chart requires kubeVersion: (.+) which is incompatible with Kubernetes (\S+)"
_OPTION = r"unknown (?:shorthand )?flag: (.+)"
_NO_CHART = r"unable to detect chart|Chart.yaml file is missing|non-absolute URLs should be"


def explained(code: int, narration: str, chart: str) -> GaieError:
    """Return the error for a helm that ended with ``code`` and wrote ``narration`` to stderr."""
    if code < 0:
        return HelmFailed(
            f"helm was ended by {_signal_name(-code)} while it worked on {chart}",
            hint="run the command again; when memory is short, helm is the first to go",
        )
    text = complaint(narration)
    for pattern, explain in _EXPLANATIONS:
        if match := re.search(pattern, text):
            return explain(match, chart)
    return HelmFailed(f"helm cannot use {chart}: {text or f'exit code {code}'}", hint=_CHART)


def complaint(narration: str) -> str:
    """Return what follows Helm's ``Error:``, without warnings, log lines and advice."""
    text = narration.rpartition("\nError: ")[2] if "\nError: " in narration else narration
    text = text.removeprefix("Error: ").replace("Use --debug flag to render out invalid YAML", "")
    return text.strip()


def violations(text: str) -> list[str]:
    """Return schema violations as ``path: sentence``, from the lines of either Helm.

    Helm 3 writes ``- a.b: sentence``, ``(root)`` for the top; Helm 4 ``- at '/a/b': sentence``.
    Lines without a dash name the chart.
    """
    found = []
    for line in text.splitlines():
        if line.endswith(": validation failed"):  # Helm 4 lists below it what is wrong there
            continue
        if new := re.match(r" *- at '([^']*)': (.+)", line):
            path, sentence = new[1].lstrip("/").replace("/", "."), new[2]
        elif old := re.match(r"- ([^:]+): (.+)", line):
            path, sentence = old[1].replace("(root)", ""), old[2]
            sentence = sentence.removeprefix(f"{path} ")
        else:
            continue
        sentence = sentence[:1].lower() + sentence[1:]
        found.append(f"{path}: {sentence}" if path else sentence)
    return found


def _own_failure(match: re.Match[str], _chart: str) -> GaieError:
    return HelmFailed(match[1].strip(), hint=_VALUES)


def _schema(match: re.Match[str], chart: str) -> GaieError:
    found = violations(match[1])
    if not found:  # the schema itself is broken
        return HelmFailed(
            f"the values schema of {chart} cannot be used: {match[1].strip()}", hint=_CHART
        )
    if len(found) == 1:
        return HelmFailed(f"{chart} does not accept these values: {found[0]}", hint=_VALUES)
    return HelmFailed(
        f"{chart} does not accept {len(found)} of the values",
        hint=_VALUES,
        detail="\n".join(found),
    )


def _in_template(match: re.Match[str], _chart: str) -> GaieError:
    *place, problem = match.groups()
    sentence = " ".join(problem.split())
    at = f" at {place[1]}" if len(place) > 1 else ""
    return HelmFailed(f"{place[0]}{at}: {sentence}", hint=_TEMPLATE)


def _invalid_yaml(match: re.Match[str], _chart: str) -> GaieError:
    return HelmFailed(
        f"{match[1]} renders something that is not YAML: {' '.join(match[2].split())}",
        hint=_TEMPLATE,
    )


def _values_file(match: re.Match[str], _chart: str) -> GaieError:
    problem = match[2].removeprefix("while decoding JSON: ").removeprefix("yaml: ")
    return HelmFailed(f"{match[1]} is not a map of values: {problem}", hint=_VALUES)


def _assignment(match: re.Match[str], _chart: str) -> GaieError:
    return HelmFailed(
        f"{match[1]} cannot be read: {match[2]}",
        hint=f"write {match[1]} path.to.key=value; a comma or dot inside needs a backslash before",
    )


def _no_file(match: re.Match[str], _chart: str) -> GaieError:
    return HelmFailed(f"{match[1]}: {match[2]}", hint="correct the path of the values file")


def _dependency(match: re.Match[str], chart: str) -> GaieError:
    return HelmFailed(
        f"{chart} lacks the charts it depends on: {match[1]}",
        hint=f"helm dependency update {chart}",
    )


def _kube_version(match: re.Match[str], chart: str) -> GaieError:
    return HelmFailed(
        f"{chart} needs Kubernetes {match[1]}, this is {match[2].rstrip('.')}",
        hint="render for the version your cluster has",
    )


def _no_chart(_match: re.Match[str], chart: str) -> GaieError:
    return HelmFailed(f"{chart} is not a chart", hint="name the folder that holds Chart.yaml")


def _too_old(match: re.Match[str], _chart: str) -> GaieError:
    return HelmFailed(
        f"this helm does not know {match[1]}: it is too old",
        hint="take Helm 3.13 or newer (gaiectl tools install helm); "
        "gaiectl tools list says which one is used",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_EXPLANATIONS: tuple[tuple[str, Callable[[re.Match[str], str], GaieError]], ...] = (
    (_FAIL, _own_failure),
    (_SCHEMA, _schema),
    (_YAML, _invalid_yaml),
    (_PARSE, _in_template),
    (_EXECUTION, _in_template),
    (_FILE, _values_file),
    (_SET, _assignment),
    (_DEPENDENCY, _dependency),
    (_KUBE, _kube_version),
    (_OPTION, _too_old),
    (_NO_CHART, _no_chart),
    (_NO_FILE, _no_file),
)
