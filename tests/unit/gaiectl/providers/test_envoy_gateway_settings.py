"""What Envoy Gateway's operator has to allow, and whether that is so."""

from typing import Any

import pytest

from gaiectl.documents import Document
from gaiectl.providers.envoy_gateway_settings import fix, objections

API = "gateway.envoyproxy.io/v1alpha1"
BACKEND: Document = {"apiVersion": API, "kind": "Backend"}
PATCHES: Document = {"apiVersion": API, "kind": "EnvoyPatchPolicy"}
OTHERS: list[Document] = [
    {"apiVersion": "v1", "kind": "Service"},
    {"apiVersion": API, "kind": "EnvoyExtensionPolicy"},
    {"apiVersion": "example.com/v1", "kind": "Backend"},
]
BOTH = {"enableBackend": True, "enableEnvoyPatchPolicy": True}


@pytest.mark.parametrize(
    ("documents", "settings", "said"),
    [
        ([BACKEND], {"extensionApis": BOTH}, []),
        ([BACKEND, PATCHES], {"extensionApis": BOTH}, []),
        ([BACKEND], {}, ["extensionApis.enableBackend is not true"]),
        ([BACKEND], {"extensionApis": {"enableBackend": False}}, ["extensionApis.enableBackend"]),
        ([PATCHES], {"extensionApis": {"enableBackend": True}}, ["extensionApis.enableEnvoyPatch"]),
        (
            [PATCHES],
            {"extensionApis": BOTH, "runtimeFlags": {"enabled": ["XDSNameSchemeV2"]}},
            ["runtimeFlags has XDSNameSchemeV2"],
        ),
        (
            [BACKEND],
            {"extensionApis": BOTH, "runtimeFlags": {"enabled": ["XDSNameSchemeV2"]}},
            [],
        ),
        (OTHERS, {}, []),
    ],
)
def test_only_what_the_stack_uses_must_be_allowed(
    documents: list[Document], settings: Any, said: list[str]
) -> None:
    found = objections(settings, documents)

    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))


def test_the_remedy_changes_what_is_missing_and_nothing_else() -> None:
    helm, *_ = fix(objections({"extensionApis": {"enableBackend": True}}, [BACKEND, PATCHES]))

    assert "enableEnvoyPatchPolicy=true" in helm
    assert "enableBackend" not in helm
    assert "--reset-then-reuse-values" in helm


@pytest.mark.parametrize(
    "settings",
    [None, [], "yes", {"extensionApis": [BOTH]}, {"extensionApis": None, "runtimeFlags": 7}],
)
def test_settings_may_hold_anything(settings: Any) -> None:
    assert len(objections(settings, [BACKEND, PATCHES])) == 2
