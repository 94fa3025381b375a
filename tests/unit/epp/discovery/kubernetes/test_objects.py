"""What pools, objectives and rewrites say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.discovery import RewriteRule
from epp.discovery.kubernetes.objects import (
    PoolRef,
    PoolSpec,
    priorities,
    read_objective,
    read_pool,
    read_rewrite,
    rules_in_order,
)

REF = PoolRef("llm", "inference.networking.k8s.io")
DELETED = {"metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def rewrite(created: str, *rules: Any, name: str = "r", pool: Any = None) -> Any:
    return {
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {"poolRef": pool or {"name": "llm"}, "rules": list(rules)},
    }


def rule(model: str, target: str, **weight: int) -> Any:
    matches = [{"model": {"type": "Exact", "value": model}}] if model else []
    return {"matches": matches, "targets": [{"modelRewrite": target, **weight}]}


def test_a_pool_of_either_version_is_a_selector_and_ports() -> None:
    current = {
        "spec": {
            "selector": {"matchLabels": {"b": "2", "a": "1"}},
            "targetPorts": [{"number": 8000}, {"number": 8001}, {"number": 8000}],
        }
    }
    early = {"spec": {"selector": {"a": "1"}, "targetPortNumber": 9000}}

    assert read_pool(current) == PoolSpec("a=1,b=2", (8000, 8001))
    assert read_pool(early) == PoolSpec("a=1", (9000,))


@pytest.mark.parametrize("read", [read_pool, read_objective, read_rewrite])
def test_what_is_being_deleted_is_gone(read: Any) -> None:
    assert read(DELETED | {"spec": {"poolRef": {"name": "llm"}}}) is None


def test_an_objective_counts_for_the_pool_that_it_names() -> None:
    mine = read_objective({"spec": {"poolRef": {"name": "llm"}, "priority": -3}})
    unset = read_objective({"spec": {"poolRef": {"name": "llm"}}})
    other = read_objective({"spec": {"poolRef": {"name": "llm", "group": "apps"}, "priority": 9}})
    assert mine is not None
    assert unset is not None
    assert other is not None

    found = priorities({"mine": mine, "unset": unset, "other": other}, [REF])
    assert found == {"mine": -3, "unset": 0}


def test_the_oldest_rewrite_comes_first_and_the_name_decides_among_equals() -> None:
    items = {
        "young": rewrite("2026-02-01T00:00:00Z", rule("m", "young"), name="young"),
        "b": rewrite("2026-01-01T00:00:00Z", rule("", "b"), name="b"),
        "a": rewrite("2026-01-01T00:00:00Z", rule("m", "a", weight=3), name="a"),
        "foreign": rewrite("2025-01-01T00:00:00Z", rule("m", "x"), pool={"name": "other"}),
        "homeless": {"metadata": {}, "spec": {"rules": [rule("m", "x")]}},
    }
    read = {name: read_rewrite(item) for name, item in items.items()}
    kept = {name: found for name, found in read.items() if found is not None}

    assert rules_in_order(kept, [REF]) == [
        RewriteRule("a", ("m",), (("a", 3),)),
        RewriteRule("b", (), (("b", 1),)),
        RewriteRule("young", ("m",), (("young", 1),)),
    ]


ODD = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "spec",
                    "selector",
                    "targetPorts",
                    "poolRef",
                    "rules",
                    "matches",
                    "model",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec"]), ODD))
def test_no_object_is_too_odd_to_be_read(item: dict[str, Any]) -> None:
    read_pool(item)
    read_objective(item)
    read_rewrite(item)
