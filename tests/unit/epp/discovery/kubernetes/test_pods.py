"""Which pods are endpoints, and where."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.discovery.kubernetes.pods import endpoints, read_pod


def pod(**changes: Any) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "ns", "labels": {"app": "vllm"}}
    status = {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "metadata": metadata | changes.pop("metadata", {}),
        "status": status | changes.pop("status", {}),
    }


def addresses(item: dict[str, Any], *ports: int) -> dict[str, tuple[str, int]]:
    read = read_pod(item)
    found = endpoints([read] if read else [], ports or (8000,))
    return {spec.name: (spec.address, spec.port) for spec in found}


def test_a_ready_pod_is_an_endpoint_for_each_port() -> None:
    assert addresses(pod(), 8000, 8001) == {
        "a-rank-0": ("10.0.0.1", 8000),
        "a-rank-1": ("10.0.0.1", 8001),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        {"status": {"conditions": [{"type": "Ready", "status": "False"}]}},
        {"status": {"conditions": [{"type": "ContainersReady", "status": "True"}]}},
        {"status": {"conditions": None}},
        {"status": {"podIP": ""}},
        {"status": {"podIP": "host"}},
        {"status": {"podIP": 7}},
    ],
)
def test_a_pod_that_may_not_serve_is_none(changes: dict[str, Any]) -> None:
    assert read_pod(pod(**changes)) is None


@pytest.mark.parametrize(
    ("annotations", "ranks"),
    [
        ({"inference.networking.k8s.io/active-ports": "8001"}, {"a-rank-1"}),
        ({"llm-d.ai/active-ports": " 8000 ,8001"}, {"a-rank-0", "a-rank-1"}),
        ({"llm-d.ai/active-ports": "-1,0,x,9999,8000"}, {"a-rank-0"}),
        ({"llm-d.ai/active-ports": ""}, set()),
        ({"llm-d.ai/active-ports": "1" * 5000}, set()),
        (
            {"llm-d.ai/active-ports": "8000", "inference.networking.k8s.io/active-ports": "8001"},
            {"a-rank-0"},
        ),
        ({"other": "8000"}, {"a-rank-0", "a-rank-1"}),
    ],
)
def test_an_annotation_restricts_the_ports(annotations: dict[str, str], ranks: set[str]) -> None:
    item = pod(metadata={"annotations": annotations})

    assert set(addresses(item, 8000, 8001)) == ranks


def test_an_ipv6_address_is_written_in_one_way() -> None:
    assert addresses(pod(status={"podIP": "2001:DB8:0::1"})) == {"a-rank-0": ("2001:db8::1", 8000)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "status", "conditions", "type", "podIP", "labels", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["metadata", "status"]), JSON))
def test_no_object_is_too_odd_to_be_read(item: dict[str, Any]) -> None:
    read_pod(item)
