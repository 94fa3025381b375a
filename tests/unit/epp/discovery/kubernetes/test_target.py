"""What the flags and the environment say is to be served."""

from typing import Any

import pytest

from epp.discovery.kubernetes.objects import PoolSpec
from epp.discovery.kubernetes.resources import EARLY_POOLS, POOLS
from epp.discovery.kubernetes.target import Target, choose_target

POD = {"POD_NAME": "llm-epp-5d4f8c9b7-x2k4q"}


def choose(environment: dict[str, str] | None = None, **flags: Any) -> Target:
    given = {
        "pool_name": "",
        "pool_namespace": "",
        "pool_group": "inference.networking.k8s.io",
        "selector": "",
        "ports": (),
    }
    return choose_target(**(given | flags), environment=environment or {})


@pytest.mark.parametrize(
    ("flag", "environment", "namespace"),
    [
        ("a", {"NAMESPACE": "b"}, "a"),
        ("", {"NAMESPACE": "b"}, "b"),
        ("", {"NAMESPACE": ""}, "default"),
        ("", {}, "default"),
    ],
)
def test_the_namespace_is_the_flags_then_the_environments(
    flag: str, environment: dict[str, str], namespace: str
) -> None:
    target = choose(environment, pool_name="llm", pool_namespace=flag)

    assert target.namespace == namespace


def test_the_group_says_which_version_of_the_pool() -> None:
    assert choose(pool_name="llm").pool == POOLS
    assert choose(pool_name="llm", pool_group="inference.networking.x-k8s.io").pool == EARLY_POOLS


def test_a_selector_is_a_pool_named_for_the_deployment() -> None:
    target = choose(POD, selector="app=vllm", ports=(8000, 8001))

    assert (target.name, target.pool) == ("llm-epp", None)
    assert target.fixed == PoolSpec("app=vllm", (8000, 8001))
    assert "apps" in {ref.group for ref in target.refs}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({}, "nothing says where endpoints come from"),
        ({"pool_name": "a", "selector": "b=c"}, "not both"),
        ({"pool_name": "a", "pool_group": "b"}, "--pool-group: 'b' is not one of"),
        ({"selector": "b c", "ports": (1,)}, "--endpoint-selector: cannot read 'b c'"),
        ({"selector": "b=c"}, "give 1 to 8 different ports, got 0"),
        ({"selector": "b=c", "ports": tuple(range(9))}, "got 9"),
        ({"selector": "b=c", "ports": (65536,)}, "65536 is not a port"),
        ({"selector": "b=c", "ports": (1,)}, "POD_NAME is ''"),
    ],
)
def test_flags_that_say_nothing_useful_are_refused(flags: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        choose(**flags)
