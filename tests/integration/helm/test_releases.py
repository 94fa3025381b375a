"""Releases, as far as they go without a cluster."""

from pathlib import Path

import pytest

from gaiectl.errors import GaieError
from gaiectl.helm.binary import Helm
from gaiectl.helm.releases import Releases
from gaiectl.plan import Release

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
"""


@pytest.fixture
def releases(helm: Helm, tmp_path: Path) -> Releases:
    kubeconfig = tmp_path / "kube config"
    kubeconfig.write_text(KUBECONFIG)
    kubeconfig.chmod(0o600)
    return Releases(helm, kubeconfig=kubeconfig)


@pytest.mark.parametrize("verb", ["list", "status", "install", "uninstall"])
async def test_a_cluster_that_does_not_answer_is_named(
    verb: str, releases: Releases, chart: Path
) -> None:
    release = Release(name="rel", namespace="ns", chart="echo", values={})
    act = {
        "list": lambda: releases.list("ns"),
        "status": lambda: releases.status("rel", "ns"),
        "install": lambda: releases.install_or_upgrade(release, chart, timeout="2s"),
        "uninstall": lambda: releases.uninstall("rel", "ns", timeout="2s"),
    }[verb]
    with pytest.raises(GaieError) as caught:
        await act()

    assert caught.value.message == "helm does not reach the cluster"
    assert "127.0.0.1:1" in caught.value.detail
