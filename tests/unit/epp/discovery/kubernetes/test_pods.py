"""Which pods are endpoints, and where."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.discovery.kubernetes.pods import endpoints, left_out, read_pod


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
    ("changes", "reason"),
    [
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "it is being deleted"),
        ({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, "it is not ready"),
        (
            {"status": {"conditions": [{"type": "Initialized", "status": "True"}]}},
            "it is not ready",
        ),
        ({"status": {"conditions": None}}, "it is not ready"),
        ({"status": {"podIP": ""}}, "it has no address"),
        ({"status": {"podIP": "host"}}, "it has no address"),
        ({"status": {"podIP": 7}}, "it has no address"),
        (
            {"metadata": {"annotations": {"llm-d.ai/active-ports": "1"}}},
            "none of its active ports is one of the pool's",
        ),
    ],
)
def test_a_pod_that_may_not_serve_is_left_out_for_a_reason(
    changes: dict[str, Any], reason: str
) -> None:
    read = read_pod(pod(**changes))

    assert read is not None
    assert list(endpoints([read], [8000])) == []
    assert list(left_out([read], [8000])) == [("a", reason)]


def test_a_pod_that_serves_is_not_left_out() -> None:
    read = read_pod(pod())
    assert read is not None
    assert list(left_out([read], [8000])) == []


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
