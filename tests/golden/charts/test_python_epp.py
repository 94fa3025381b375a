"""The Python EPP takes what the charts give to an EPP, made for it or for a Go EPP."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from epp import config
from epp.server.flags import Parsed, parse
from epp.server.runner import Epp
from gaiectl.documents import load

FOLDER = Path(__file__).parent
POD = {"NAMESPACE": "ns1", "POD_NAME": "rel-epp-7d9c6b-x1"}

OF_ITS_TIME = {"deprecated-field", "deprecated-type", "doubtful", "no-effect", "unused-plugin"}
"""What may be said of a plugin file for a Go EPP: it is old, or has more than it needs."""

SAID_OF_OURS = {"latency-predictor-early": {"deprecated-type"}}
"""The same of ours; only who asks for an early plugin hears of it."""


class Given(NamedTuple):
    """What one EPP is given.

    Attributes:
        parsed: its command line.
        files: the plugin files in its ConfigMap.
        environment: its variables; those that Kubernetes fills in have a value of their kind.
        is_ours: the image is the Python EPP.
    """

    parsed: Parsed
    files: dict[str, str]
    environment: dict[str, str]
    is_ours: bool

    @property
    def text(self) -> str:
        """The plugin file that it reads; the chart's own where the user's is none."""
        text = self.files[Path(self.parsed.options.config_file).name]
        is_one = isinstance(yaml.safe_load(text), dict)
        return text if is_one else self.files["default-plugins.yaml"]


def given(case: Path) -> Iterator[Given]:
    documents = {(d["kind"], d["metadata"]["name"]): d for d in load(case.read_text())}
    for (kind, name), document in documents.items():
        spec: Any = document["spec"]["template"]["spec"] if kind == "Deployment" else {}
        for container in spec.get("containers", ()):
            if container["name"] != "epp":
                continue
            variables = {each["name"]: each.get("value", "x") for each in container["env"]}
            yield Given(
                parse(container["args"]),
                documents["ConfigMap", name]["data"],
                variables | POD,
                is_ours="/gaiectl/epp" in container["image"],
            )


CASES = sorted(FOLDER.glob("*/documents.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
async def test_it_starts_with_them_and_has_nothing_to_warn_of(
    case: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for one in given(case):
        for name, value in one.environment.items():
            monkeypatch.setenv(name, value)
        assert not one.parsed.strays
        loaded = config.load(one.text, environment=one.environment)
        Epp(one.parsed, loaded)
        said = {str(problem): problem.code for problem in loaded.warnings}
        may_say = SAID_OF_OURS.get(case.parent.name, set()) if one.is_ours else OF_ITS_TIME
        assert set(said.values()) <= may_say, said
    assert not [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_cases_of_both_kinds_are_tried() -> None:
    found = [one.is_ours for case in CASES for one in given(case)]
    assert found.count(True) > 80
    assert found.count(False) > 15
