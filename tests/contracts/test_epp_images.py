"""Charts and checks tell the EPPs apart by the same images."""

import re
from pathlib import Path

import pytest

from gaiectl.validation import epp_configs

HELPERS = Path(__file__).parents[2] / "charts/epplib/templates/_image.tpl"


@pytest.mark.parametrize(
    "repository",
    [
        "gaiectl/epp",
        "registry.example/mirror/epp",
        "registry.k8s.io/gateway-api-inference-extension/epp",
        "registry.k8s.io/gateway-api-inference-extension/bbr",
        "us-docker.pkg.dev/k8s-staging-images/gateway-api-inference-extension/charts/epp",
        "registry.example/my-gateway-api-inference-extension/epp",
        "registry.example/gateway-api-inference-extension/epp-debug",
        "ghcr.io/llm-d/llm-d-inference-scheduler",
        "ghcr.io/llm-d/llm-d-router-endpoint-picker-dev",
    ],
)
@pytest.mark.parametrize("version", ["", ":v1.4.0", "@sha256:0"])
def test_an_image_is_gos_to_both_or_to_none(repository: str, version: str) -> None:
    of_charts = re.findall(r'regexMatch "([^"]+)"', HELPERS.read_text("utf-8"))
    assert len(of_charts) == 2

    is_go = any(re.search(pattern, repository) for pattern in of_charts)

    assert bool(epp_configs._GO_IMAGE.search(repository + version)) is is_go
