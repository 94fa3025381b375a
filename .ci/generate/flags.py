"""``_flags.tpl`` of the library chart: the flags that each EPP knows, and what their values are."""

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import yaml

from epp.server.options import CHOICES, DURATION, QUANTITY, Options

CHARTS = Path(__file__).resolve().parents[2] / "charts"
EVERY = "every release"
LLM_D = "llm-d"

_TEXT = """\
{{- /* The flags that each EPP knows. Made by .ci/generate from epp/server/options.py and
charts/schema/flags.yaml. */ -}}

{{- /* epplib.knownFlags.python: names, as a YAML list. */ -}}
{{- define "epplib.knownFlags.python" -}}
%s
{{- end }}

{{- /* epplib.knownFlags.go: names by release, and those that llm-d's EPP has besides, as a YAML map
of lists. */ -}}
{{- define "epplib.knownFlags.go" -}}
%s
{{- end }}

{{- /* epplib.flagKinds: boolean, integer, duration or a list of words, by name, as a YAML map; a
flag that is not here takes any text. */ -}}
{{- define "epplib.flagKinds" -}}
%s
{{- end }}
"""


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    text = _TEXT % (_yaml(of_python()), _yaml(of_go()), _yaml(kinds()))
    return {CHARTS / "epplib" / "templates" / "_flags.tpl": text}


def of_python() -> list[str]:
    """Return the flags of the Python EPP, sorted."""
    return sorted(_name(option) for option in fields(Options))


def of_go() -> dict[str, list[str]]:
    """Return the flags of the Go EPP by release, sorted."""
    stated = yaml.safe_load((CHARTS / "schema" / "flags.yaml").read_text(encoding="utf-8"))
    every = stated.pop(EVERY)
    more = {LLM_D: stated.pop(LLM_D)}
    return {release: sorted([*every, *own]) for release, own in stated.items()} | more


def kinds() -> dict[str, str | list[str]]:
    """Return what the values of a flag are, by name; both EPPs agree on it."""
    found = {_name(option): _kind(option) for option in fields(Options)}
    return {name: kind for name, kind in sorted(found.items()) if kind}


def _kind(option: Field[Any]) -> str | list[str]:
    if option.metadata.get("kind") == DURATION:
        return "duration"
    if option.name in CHOICES:
        return list(CHOICES[option.name])
    if option.metadata.get("kind") == QUANTITY:
        return ""  # text, for it may have a unit
    return {bool: "boolean", int: "integer"}.get(option.type, "")


def _name(option: Field[Any]) -> str:
    return option.name.replace("_", "-")


def _yaml(names: Any) -> str:
    return str(yaml.safe_dump(names)).rstrip()
