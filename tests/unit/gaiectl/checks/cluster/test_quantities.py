"""Amounts of resources, as Kubernetes writes them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.checks.cluster.quantities import quantity, requests, shown


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[("100m", "0.1"), ("1", "1"), ("1.5", "1.5"), (2, "2"), ("1e3", "1000"), ("2E", "2e18")],
        *[("1Ki", "1024"), ("1Gi", str(1 << 30)), ("1G", "1e9"), ("0.5Mi", str(1 << 19))],
    ],
)
def test_quantities_are_read(text: object, number: str) -> None:
    assert quantity(text) == Decimal(number)


@given(st.text() | st.none() | st.lists(st.integers()))
def test_anything_else_counts_as_some_number(text: object) -> None:
    assert isinstance(quantity(text), Decimal)


def test_a_pod_takes_what_its_containers_take_together_or_one_that_runs_before_them() -> None:
    def container(**amounts: str) -> dict[str, object]:
        return {"resources": {"requests": amounts}}

    spec = {
        "initContainers": [
            container(cpu="3", memory="1Gi"),
            {**container(cpu="500m"), "restartPolicy": "Always"},
        ],
        "containers": [container(cpu="1"), {"resources": {"limits": {"nvidia.com/gpu": 2}}}],
        "overhead": {"memory": "1Gi"},
    }
    assert requests(spec) == {"cpu": 3, "memory": 2 << 30, "nvidia.com/gpu": 2}


@pytest.mark.parametrize(
    ("name", "amount", "text"),
    [
        *[("cpu", "0.25", "250m"), ("cpu", "2", "2"), ("memory", str(3 << 29), "1.5Gi")],
        *[("nvidia.com/gpu", "8", "8"), ("nvidia.com/gpu", "100", "100"), ("memory", "0", "0")],
    ],
)
def test_amounts_are_shown_as_people_write_them(name: str, amount: str, text: str) -> None:
    assert shown(name, Decimal(amount)) == text
