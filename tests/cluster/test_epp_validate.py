"""``gaiectl epp validate`` reads the ConfigMaps of a cluster."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from machine.cluster import Cluster

GOOD = """\
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
"""

Validate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def validate(kubeconfig: Path) -> Validate:
    """Run ``gaiectl epp validate`` against the cluster."""

    def execute(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gaiectl", "epp", "validate", *arguments],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return execute


@pytest.fixture
def namespace(bare_cluster: Cluster, new_namespace: Callable[..., str]) -> str:
    """Return a namespace with two configurations in a ConfigMap."""
    name = new_namespace()
    texts = {
        "good.yaml": GOOD,
        "bad.yaml": GOOD.replace("queue-scorer", "queue-scorrer"),
        "other": "x",
    }
    metadata = {"name": "llm-epp", "namespace": name}
    bare_cluster.apply(
        [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": texts}]
    )
    return name


def test_every_configuration_of_a_config_map_is_checked(validate: Validate, namespace: str) -> None:
    done = validate("ConfigMap/llm-epp", "-n", namespace)

    title = f"ConfigMap {namespace}/llm-epp"
    assert done.returncode == 1
    assert f"{title}, bad.yaml:4:9: error: plugins[0].type: unknown plugin type" in done.stdout
    assert f"{title}, good.yaml: valid" in done.stdout
    assert "other" not in done.stdout


def test_one_key_can_be_named(validate: Validate, namespace: str) -> None:
    done = validate("ConfigMap/llm-epp.good.yaml", "-n", namespace)

    assert (done.returncode, done.stdout) == (
        0,
        f"ConfigMap {namespace}/llm-epp, good.yaml: valid\n",
    )


def test_what_is_not_there_is_said(validate: Validate, namespace: str) -> None:
    no_map = validate("ConfigMap/none", "-n", namespace)
    no_key = validate("ConfigMap/llm-epp.none", "-n", namespace)

    assert f"error: there is no ConfigMap {namespace}/none" in no_map.stderr
    assert f"error: ConfigMap {namespace}/llm-epp holds no none" in no_key.stderr
    assert "hint: name the key: ConfigMap/llm-epp.KEY; there is " in no_key.stderr
    assert (no_map.returncode, no_key.returncode) == (1, 1)
