"""What the charts give to the Python EPP is what the Python EPP takes."""

from pathlib import Path
from typing import Any

import pytest

from epp import config
from epp.server.flags import parse
from gaiectl.documents import load

FOLDER = Path(__file__).parent


def epps(case: Path) -> list[tuple[Any, Any]]:
    """Return the EPP container and its ConfigMap's data when the image is the project's own."""
    found = {(d["kind"], d["metadata"]["name"]): d for d in load(case.read_text())}
    return [
        (container, found["ConfigMap", name]["data"])
        for (kind, name), document in found.items()
        if kind == "Deployment"
        for container in document["spec"]["template"]["spec"]["containers"]
        if container["name"] == "epp" and "/gaiectl/epp" in container["image"]
    ]


CASES = [path for path in sorted(FOLDER.glob("*/documents.yaml")) if epps(path)]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_it_takes_its_arguments_and_its_default_plugins(case: Path) -> None:
    for container, files in epps(case):
        assert not parse(container["args"]).strays
        config.load(files["default-plugins.yaml"])


def test_most_cases_run_it() -> None:
    assert len(CASES) > 50
