"""What stands in kubeconfigs, as far as messages and shells need it; the client reads the rest."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from epp.reading.source import Source, parse

_MOST_VALUES = 100_000


def files(given: str = "") -> list[Path]:
    """Return the kubeconfigs that count: those given, of ``$KUBECONFIG``, or the one at home."""
    listed = given or os.environ.get("KUBECONFIG", "") or "~/.kube/config"
    return [Path(one).expanduser() for one in listed.split(os.pathsep) if one]


def sources(given: str = "") -> Iterator[Source]:
    """Yield what those of them say that are there."""
    for file in files(given):
        try:
            text = file.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            continue
        yield parse(text, str(file), max_values=_MOST_VALUES, merge_keys=True)


def context_names(given: str = "") -> list[str]:
    """Return the names of the contexts in them, each once, sorted."""
    return sorted({name for source in sources(given) for name in _names(source.value)})


def _names(config: Any) -> Iterator[str]:
    listed = config.get("contexts") if isinstance(config, dict) else None
    for one in listed if isinstance(listed, list) else ():
        name = one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str) and name:
            yield name
