"""Definitions are found by name."""

import pytest

from gaiectl import crds
from gaiectl.errors import GaieError


def _names(*asked: str) -> list[str]:
    return [definition["metadata"]["name"] for definition in crds.crds(*asked)]


def test_definitions_come_in_the_order_of_their_names() -> None:
    assert _names(crds.OBJECTIVE, crds.POOL) == [crds.OBJECTIVE, crds.POOL]


def test_without_names_all_come() -> None:
    assert _names() == list(crds.ALL)


def test_a_stack_with_inference_apis_gets_the_three_kinds_that_an_endpoint_picker_watches() -> None:
    kinds = [definition["spec"]["names"]["kind"] for definition in crds.crds(*crds.INFERENCE_APIS)]

    assert kinds == ["InferencePool", "InferenceObjective", "InferenceModelRewrite"]


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(GaieError) as error:
        crds.crds("pools.example.net")

    assert error.value.message == "there is no definition called pools.example.net"
    assert crds.POOL in error.value.hint


def test_each_call_returns_documents_of_its_own() -> None:
    crds.crds(crds.POOL)[0]["metadata"]["name"] = "changed"

    assert _names(crds.POOL) == [crds.POOL]
