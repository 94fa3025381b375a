"""What definitions in a cluster say of their releases and versions."""

from typing import Any

import pytest

from gaiectl.checks.cluster.definitions import bundle, owner, release_of, stored_badly, versions

GROUP = "gateway.networking.k8s.io"


def definition(stored: list[str], **served: bool) -> dict[str, Any]:
    listed = [{"name": name, "served": is_served} for name, is_served in served.items()]
    return {
        "metadata": {
            "name": f"gateways.{GROUP}",
            "annotations": {
                f"{GROUP}/bundle-version": "v1.4.0",
                f"{GROUP}/channel": "standard",
            },
            "managedFields": [{"manager": "kubectl"}, {"manager": "kube-apiserver"}],
        },
        "spec": {"group": GROUP, "versions": listed},
        "status": {"storedVersions": stored},
    }


def test_a_definition_tells_release_channel_and_who_manages_it() -> None:
    found = definition(["v1"], v1=True)
    assert bundle(found, GROUP) == "v1.4.0 standard"
    assert owner(found) == "kube-apiserver, kubectl"
    found["metadata"]["annotations"]["meta.helm.sh/release-name"] = "eg"
    assert owner(found) == "Helm release eg"


def test_objects_stored_in_a_version_that_is_not_served_are_told() -> None:
    assert versions(definition([], v1=True, v1beta1=False)) == ["v1"]
    assert list(stored_badly([definition(["v1"], v1=True)])) == []
    (problem,) = stored_badly([definition(["v1beta1", "v1"], v1=True, v1beta1=False)])
    assert "stored as v1beta1, which is not served; v1 is" in problem


@pytest.mark.parametrize("shape", [{}, {"spec": None, "status": {"storedVersions": None}}])
def test_definitions_of_any_shape_are_read(shape: dict[str, Any]) -> None:
    assert versions(shape) == []
    assert list(stored_badly([shape])) == []
    assert bundle(shape, GROUP) == ""


@pytest.mark.parametrize(
    ("text", "release"),
    [("v1.4.0", (1, 4, 0)), ("1.28.1-rc.2", (1, 28, 1)), ("latest", ()), ("", ())],
)
def test_releases_are_numbers(text: str, release: tuple[int, ...]) -> None:
    assert release_of(text) == release
