"""What users of other scripts fell into has a test each, or a reason why it cannot be."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.documents import Document, load

_TESTS = Path(__file__).parents[1]
_GOLDEN = _TESTS / "golden" / "inference_scheduling"
_PITFALLS: dict[int, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "pitfalls.yaml").read_text("utf-8")
)
_PROFILES = sorted(_GOLDEN.glob("profile-*.yaml"))
_WORKLOADS = ("Deployment", "LeaderWorkerSet")
_NAMESPACED_BY_NAME = ("Namespace", "ClusterRole", "ClusterRoleBinding")


def rendered(file: Path) -> list[Document]:
    return list(load(file.read_text("utf-8")))


def pods_of(file: Path) -> Iterator[tuple[str, Document]]:
    for document in rendered(file):
        if document["kind"] in _WORKLOADS:
            spec = document["spec"]
            template = spec.get("template") or spec["leaderWorkerTemplate"]["workerTemplate"]
            yield document["metadata"]["name"], template["spec"]


@pytest.mark.parametrize("number", range(1, 48))
def test_a_pitfall_has_a_test_or_a_reason(number: int) -> None:
    entry = _PITFALLS[number]
    assert entry["pitfall"]
    assert bool(entry.get("tests")) is not bool(entry.get("cannot"))
    for test in entry.get("tests", ()):
        file, _, name = test.partition("::")
        text = (_TESTS / file).read_text("utf-8")
        assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), test


@pytest.mark.parametrize("file", _PROFILES, ids=lambda file: file.stem)
def test_every_model_server_is_probed_until_it_serves(file: Path) -> None:
    for name, pod in pods_of(file):
        for container in pod["containers"]:
            probes = {"startupProbe", "livenessProbe", "readinessProbe"}
            assert probes <= container.keys(), (name, container["name"])


@pytest.mark.parametrize("file", _PROFILES, ids=lambda file: file.stem)
def test_accelerators_are_requested_as_they_are_limited(file: Path) -> None:
    for name, pod in pods_of(file):
        for container in pod["containers"]:
            asked, limits = (
                {
                    resource: amount
                    for resource, amount in container.get("resources", {}).get(part, {}).items()
                    if "/" in resource
                }
                for part in ("requests", "limits")
            )
            assert asked == limits, name


@pytest.mark.parametrize("file", sorted(_GOLDEN.glob("*.yaml")), ids=lambda file: file.stem)
def test_nothing_is_the_whole_clusters(file: Path) -> None:
    assert not [one for one in rendered(file) if one["kind"] in _NAMESPACED_BY_NAME]


@pytest.mark.parametrize("file", _PROFILES, ids=lambda file: file.stem)
def test_a_workload_selects_by_labels_that_no_user_changes(file: Path) -> None:
    for document in rendered(file):
        if document["kind"] == "Deployment" and "modelservice" in document["metadata"]["name"]:
            selected = document["spec"]["selector"]["matchLabels"]
            assert not [label for label in selected if label.startswith("llm-d.ai/infer")]


def test_only_gke_gets_a_route_without_timeouts() -> None:
    without = {
        file.stem
        for file in _GOLDEN.glob("environment-*.yaml")
        for one in rendered(file)
        if one["kind"] == "HTTPRoute" and not any("timeouts" in r for r in one["spec"]["rules"])
    }
    assert without == {"environment-gke"}
