"""No value of the charts is without a case: what nobody renders, nobody sees break."""

import itertools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parent
CHARTS = FOLDER.parents[2] / "charts"


def leaves(values: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def values(schema: dict[str, Any], above: str = "") -> Iterator[str]:
    """Yield the paths of a chart's values; a value that is a map counts as one."""
    for key, inner in schema["properties"].items():
        if "default" in inner:
            yield f"{above}{key}"
        else:
            yield from values(inner, f"{above}{key}.")


def stated(case: Path) -> Iterator[str]:
    """Yield the values that a case sets, without what stands below lists."""
    words = shlex.split((case / "command").read_text(), comments=True)
    for option, word in itertools.pairwise(words):
        if option in {"--set", "--set-string"}:
            yield re.sub(r"\[.*", "", word.partition("=")[0])
        elif option == "--values":
            yield from leaves(yaml.safe_load((case / word).read_text()))


@pytest.mark.parametrize("chart", ["gateway", "inferencepool", "modelservice", "standalone"])
def test_every_value_stands_in_a_case(chart: str) -> None:
    described = json.loads((CHARTS / chart / "values.schema.json").read_text())
    used = {path for command in FOLDER.glob("*/command") for path in stated(command.parent)}
    unused = [
        leaf
        for leaf in values(described)
        if not any(path == leaf or path.startswith(f"{leaf}.") for path in used)
    ]
    assert not unused
