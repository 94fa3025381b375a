"""``_flags.tpl`` of the library chart: the flags that each EPP knows."""

from dataclasses import fields
from pathlib import Path

import yaml

from epp.server.options import Options

CHARTS = Path(__file__).resolve().parents[2] / "charts"
EVERY = "every release"

_TEXT = """\
{{- /* The flags that each EPP knows. Made by .ci/generate from epp/server/options.py and
charts/schema/flags.yaml. */ -}}

{{- /* epplib.knownFlags.python: names, as a YAML list. */ -}}
{{- define "epplib.knownFlags.python" -}}
%s
{{- end }}

{{- /* epplib.knownFlags.go: names by release, as a YAML map of lists. */ -}}
{{- define "epplib.knownFlags.go" -}}
%s
{{- end }}
"""


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    text = _TEXT % (_yaml(of_python()), _yaml(of_go()))
    return {CHARTS / "epplib" / "templates" / "_flags.tpl": text}


def of_python() -> list[str]:
    """Return the flags of the Python EPP, sorted."""
    return sorted(option.name.replace("_", "-") for option in fields(Options))


def of_go() -> dict[str, list[str]]:
    """Return the flags of the Go EPP by release, sorted."""
    stated = yaml.safe_load((CHARTS / "schema" / "flags.yaml").read_text(encoding="utf-8"))
    every = stated.pop(EVERY)
    return {release: sorted([*every, *own]) for release, own in stated.items()}


def _yaml(names: list[str] | dict[str, list[str]]) -> str:
    return str(yaml.safe_dump(names)).rstrip()
