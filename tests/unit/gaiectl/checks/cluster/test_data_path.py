"""What is said of model servers by what they answer."""

from typing import Any

import pytest

from gaiectl.checks.cluster import data_path
from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.report import Result
from gaiectl.checks.cluster.run import make
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.cluster.tunnel import Answer
from gaiectl.documents import Document

VLLM = (
    "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:cache_config_info{} 1\n"
    "vllm:kv_cache_usage_perc 0\n"
)
SGLANG = "sglang:num_queue_reqs 0\nsglang:num_running_reqs 0\nsglang:token_usage 0\n"
POOL: Document = {
    "apiVersion": "inference.networking.k8s.io/v1",
    "kind": "InferencePool",
    "metadata": {"name": "llm", "namespace": "ns"},
    "spec": {"selector": {"matchLabels": {"app": "x"}}, "targetPorts": [{"number": 8000}]},
}


def pod(name: str, **labels: str) -> Document:
    metadata = {"name": name, "namespace": "ns", "uid": name, "labels": {"app": "x", **labels}}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": metadata, "status": status}


def measured(*pods: tuple[Document, int, str]) -> Result:
    """Make the check of answers that are known already, so that nobody is asked."""
    nobody: Any = None
    scene = Scene(nobody, Stage.POST, name="llm", namespace="ns", documents=[POOL])
    there = [one for one, _, _ in pods]
    for place in ("ns", ""):
        scene.once(("", "Pod", place), lambda: there)
    answers = [(one, Answer(status, {}, body, 1.0)) for one, status, body in pods]
    scene.once(("asked", "/metrics"), lambda: answers)
    return make(next(one for one in data_path.CHECKS if one.id == "DAT002"), scene)


@pytest.mark.parametrize(
    "label", ["llm-d.ai/engine-type", "inference.networking.k8s.io/engine-type"]
)
def test_either_label_says_whose_metrics_a_pod_has(label: str) -> None:
    assert measured((pod("a", **{label: "sglang"}), 200, SGLANG)).outcome == "passed"


def test_a_pod_of_another_engine_without_a_label_is_told_to_have_one() -> None:
    result = measured((pod("a"), 200, VLLM), (pod("b"), 200, SGLANG))
    assert result.outcome == "warning"
    assert "b has no vllm:num_requests_waiting" in result.seen
    assert "without a label it counts as vllm" in result.seen
    assert "by the label" in result.hint


def test_a_pod_without_metrics_is_not_said_to_lack_a_label() -> None:
    result = measured((pod("a"), 404, "<html>not found"))
    assert (result.outcome, "a: 404" in result.seen) == ("warning", True)
    assert "label" not in result.hint


def test_an_engine_that_is_not_known_hides_nothing_of_others() -> None:
    known = {"llm-d.ai/engine-type": "mine"}
    assert measured((pod("a", **known), 200, "")).outcome == "skipped"
    assert measured((pod("a", **known), 200, ""), (pod("b"), 200, "")).outcome == "warning"
