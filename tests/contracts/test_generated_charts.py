"""What .ci/generate makes is in the tree as it would make it now."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHARTS = ("gateway", "inferencepool", "modelservice", "standalone")


def test_generated_files_are_fresh() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / ".ci" / "generate", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, f"run python .ci/generate\n{run.stdout}{run.stderr}"


def schema(chart: str) -> dict[str, Any]:
    text = (ROOT / "charts" / chart / "values.schema.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def fields(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schema of every field by its path."""
    for name, inner in node.get("properties", {}).items():
        child = f"{path}.{name}" if path else name
        yield child, inner
        yield from fields(inner, child)


def defaults(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the default of every value by its path; a map of values has none of its own."""
    for name, inner in tree.get("properties", {}).items():
        child = f"{path}.{name}" if path else name
        if "default" in inner:
            yield child, inner["default"]
        else:
            yield from defaults(inner, child)


@pytest.mark.parametrize("chart", CHARTS)
def test_every_map_with_known_keys_refuses_others(chart: str) -> None:
    root = schema(chart)
    maps = {"": root} | {path: node for path, node in fields(root) if "properties" in node}

    assert [path for path, node in maps.items() if node["additionalProperties"] is not False] == []


@pytest.mark.parametrize("chart", CHARTS)
def test_every_value_is_described_in_sentences(chart: str) -> None:
    unclear = [path for path, node in fields(schema(chart)) if node["description"][-1] != "."]

    assert unclear == []


@pytest.mark.parametrize("chart", CHARTS)
def test_values_yaml_and_the_readme_hold_every_value(chart: str) -> None:
    folder = ROOT / "charts" / chart
    readme = (folder / "README.md").read_text()
    values = yaml.safe_load((folder / "values.yaml").read_text())
    for path, default in defaults(schema(chart)):
        place = values
        for key in path.split("."):
            place = place[key]
        assert place == default, path
        assert f"| `{path}` |" in readme


@pytest.mark.parametrize("chart", CHARTS)
def test_what_replaces_a_deprecated_value_exists(chart: str) -> None:
    described = dict(fields(schema(chart)))
    for node in described.values():
        if node.get("deprecated"):
            replacement = node["description"].rpartition("use ")[2].rstrip(".")
            assert replacement in described
