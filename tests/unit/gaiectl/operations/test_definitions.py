"""What becomes of CRDs that are there already."""

from typing import Any

import pytest

from gaiectl.errors import Refused
from gaiectl.operations.definitions import decide


def crd(version: str, *, served: tuple[str, ...] = ("v1",), **more: Any) -> dict[str, Any]:
    annotations = {"inference.networking.k8s.io/bundle-version": version} if version else {}
    annotations |= more.get("annotations", {})
    labels = {"gaiectl.dev/brought-by": "gaiectl"} if more.get("is_ours") else {}
    return {
        "metadata": {"name": "pools", "annotations": annotations, "labels": labels},
        "spec": {"versions": [{"name": name, "served": True} for name in served]},
    }


WANTED = crd("v1.5.0")


def test_a_definition_that_is_not_there_is_brought() -> None:
    assert decide(WANTED, None) == (True, "")


@pytest.mark.parametrize("version", ["v1.5.1", "v2.0.0", "v1.10.0-rc.1"])
@pytest.mark.parametrize("is_ours", [True, False])
def test_a_newer_one_is_never_taken_back(version: str, *, is_ours: bool) -> None:
    decision = decide(WANTED, crd(version, is_ours=is_ours))
    assert not decision.is_applied
    assert version in decision.note


@pytest.mark.parametrize("version", ["v1.4.0", "v1.5.0-rc.2", "v1.5.0"])
def test_one_that_we_brought_is_brought_up_to_date(version: str) -> None:
    assert decide(WANTED, crd(version, is_ours=True)).is_applied


def test_one_of_somebody_else_is_used_as_it_is() -> None:
    assert decide(WANTED, crd("v1.5.0")) == (False, "")
    for version in ("v1.4.0", ""):
        decision = decide(WANTED, crd(version))
        assert not decision.is_applied
        assert "not brought by gaiectl" in decision.note


def test_one_of_another_channel_is_used_as_it_is() -> None:
    other = crd("v1.4.0", annotations={"gateway.networking.k8s.io/channel": "experimental"})
    assert "experimental" in decide(WANTED, other).note


def test_one_of_somebody_else_that_lacks_what_is_needed_is_refused() -> None:
    with pytest.raises(Refused, match="does not serve v1,"):
        decide(WANTED, crd("v0.9.0", served=("v1alpha2",)))
