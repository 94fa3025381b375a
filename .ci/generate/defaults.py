"""``_defaults.tpl`` of each chart: its defaults, for a value that a user has set to null."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import values
import yaml

_TEXT = """\
{{- /* %s.defaults: each value with its default, because Helm takes a default away where a user
writes null. Made by .ci/generate from charts/schema. */ -}}
{{- define "%s.defaults" -}}
%s
{{- end }}
"""


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    texts: dict[Path, str] = {}
    for name in values.NAMES:
        defaults = dict(_leaves(values.read(name).root.values()))
        body = yaml.safe_dump(defaults, sort_keys=False, width=100).rstrip()
        body = body.replace("{{", '{{ "{{" }}')  # a default may be a template itself
        texts[values.CHARTS / name / "templates" / "_defaults.tpl"] = _TEXT % (name, name, body)
    return texts


def _leaves(branches: Iterable[values.Value]) -> Iterator[tuple[str, Any]]:
    for value in branches:
        if value.children:
            yield from _leaves(value.children.values())
        else:
            yield value.path, value.default
