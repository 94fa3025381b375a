"""Whether pods fit on nodes: what is said is what the scheduler would do."""

from typing import Any

import pytest

from gaiectl.checks.cluster.fit import Node, nodes_of, obstacle, unplaced
from gaiectl.checks.cluster.quantities import amounts

GPU = "nvidia.com/gpu"


def node(name: str = "node", **changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"zone": "a"}},
        "spec": {},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110", GPU: "2"},
        },
        **changes,
    }


def pod(**requests: str) -> dict[str, Any]:
    return {"containers": [{"resources": {"requests": requests}}]}


def one(**changes: Any) -> Node:
    (found,), _ = nodes_of([node(**changes)])
    return found


def test_nodes_that_take_no_pods_are_told_with_the_reason() -> None:
    usable, reasons = nodes_of(
        [
            node("a"),
            node("b", spec={"unschedulable": True}),
            node("c", status={"conditions": [{"type": "Ready", "status": "Unknown"}]}),
            {},
        ]
    )
    assert [each.name for each in usable] == ["a"]
    assert reasons == ["b is cordoned", "c is not ready", " is not ready"]


TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (pod(cpu="4", **{GPU: "2"}), ""),
        (pod(**{GPU: "4"}), "has 2 nvidia.com/gpu of the 4 it takes"),
        (pod(cpu="8", memory="16Gi"), "has 4 cpu of the 8 it takes and 8Gi memory of the 16Gi"),
        ({"nodeSelector": {"zone": "b"}}, "has not the label zone=b"),
        ({"nodeSelector": {"zone": "a"}}, ""),
    ],
)
def test_what_keeps_a_pod_from_an_empty_node_is_said(spec: Any, said: str) -> None:
    assert obstacle(spec, one()).startswith(said)
    assert bool(obstacle(spec, one())) == bool(said)


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"operator": "Exists"}, True),
        ({"key": GPU, "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": GPU, "value": "present"}, True),
        ({"key": GPU, "value": "absent"}, False),
        ({"key": GPU, "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_a_taint_keeps_out_what_does_not_tolerate_it(
    toleration: dict[str, str], *, fits: bool
) -> None:
    tainted = one(spec={"taints": [TAINT]})
    assert obstacle({}, tainted) == f"has the taint {GPU}=present:NoSchedule"
    assert (obstacle({"tolerations": [toleration]}, tainted) == "") is fits


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ({"key": "zone", "operator": "In", "values": ["a", "b"]}, True),
        ({"key": "zone", "operator": "NotIn", "values": ["a"]}, False),
        ({"key": "gpu", "operator": "Exists"}, False),
        ({"key": "gpu", "operator": "DoesNotExist"}, True),
        ({"key": "zone", "operator": "Gt", "values": ["1"]}, True),  # what we do not know passes
    ],
)
def test_required_affinity_is_respected(expression: dict[str, Any], *, fits: bool) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    assert (obstacle({"affinity": {"nodeAffinity": required}}, one()) == "") is fits


def test_pods_are_placed_until_nothing_is_left() -> None:
    nodes, _ = nodes_of([node("a"), node("b")])
    used = {"a": amounts({GPU: "1"})}

    assert unplaced([("model", pod(**{GPU: "1"}), 3)], nodes, used) == []
    (problem,) = unplaced([("model", pod(**{GPU: "1"}), 4)], nodes, used)
    assert problem.startswith("model: 3 of 4 pods find room; a has 0 nvidia.com/gpu")


def test_pods_that_want_rare_things_are_placed_first() -> None:
    nodes, _ = nodes_of([node("a")])
    small, large = ("small", pod(cpu="3"), 1), ("large", pod(cpu="3", **{GPU: "1"}), 1)

    (problem,) = unplaced([small, large], nodes, {})
    assert problem.startswith("small: 0 of 1 pods find room")
