"""Stacks in pipelines and by scripts: .github/examples and ``export script``, run as there."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from machine.cluster import Cluster

pytestmark = pytest.mark.long

Said = subprocess.CompletedProcess[str]
Shell = Callable[..., Said]

_EXAMPLES = Path(__file__).parents[2] / ".github" / "examples"
_STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: standalone
api: flags
modelServer: {kind: builtin, replicas: 1}
"""


@pytest.fixture
def shell(
    machine: Cluster, machine_kubeconfig: Path, kubectl: Path, helm4: Path, tmp_path: Path
) -> Shell:
    """Run a command line as CI systems do, in a folder with a gaie.yaml."""
    del machine
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").symlink_to(kubectl)
    gaiectl = programs / "gaiectl"
    gaiectl.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m gaiectl "$@"\n')
    gaiectl.chmod(0o755)
    (tmp_path / "gaie.yaml").write_text(_STACK)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(machine_kubeconfig),
        "GAIECTL_HELM": str(helm4),
        "CI": "true",
    }

    def run(line: str, **variables: str) -> Said:
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", line],
            cwd=tmp_path,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def _of_github() -> list[str]:
    told: Any = yaml.safe_load((_EXAMPLES / "github-actions.yml").read_text())
    (job,) = told["jobs"].values()
    return [step["run"] for step in job["steps"] if step.get("run", "").startswith("gaiectl")]


def _of_gitlab() -> list[str]:
    told: Any = yaml.safe_load((_EXAMPLES / "gitlab-ci.yml").read_text())
    return [*told["gateway"]["script"], *told["gateway"]["after_script"]]


def test_a_pipeline_installs_tests_and_removes_and_tells_failures_by_code_and_report(
    shell: Shell, machine: Cluster, stack_images: Any, tmp_path: Path
) -> None:
    _until_nodes_list(machine, stack_images)
    lines = _of_github()
    assert _of_gitlab() == lines
    check, install, test, cleanup = lines
    report = tmp_path / "report.xml"
    here = {"STACK": "test-pipeline"}

    try:
        for line in (check, install, test):
            done = shell(line, **here)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        suite = next(ET.parse(report).getroot().iter("testsuite"))
        assert int(suite.attrib["tests"]) > 5
        assert (suite.attrib["failures"], suite.attrib.get("errors", "0")) == ("0", "0")

        machine.do("scale", "deployment/llm-model", "--replicas=0", "-n", here["STACK"])
        gone = ("--for=delete", "pods", "-l", "app=llm-model", "--timeout=180s")
        machine.do("wait", *gone, "-n", here["STACK"])
        failed = shell(f"{test} --check completion --model some/model", **here)
        assert failed.returncode == 1, failed.stdout + failed.stderr
        suite = next(ET.parse(report).getroot().iter("testsuite"))
        assert suite.attrib["failures"] == "1"
    finally:
        done = shell(cleanup, **here)

    assert done.returncode == 0, done.stdout + done.stderr
    assert here["STACK"] not in machine.do("get", "namespaces", "-o", "name")


def test_an_exported_script_needs_kubectl_alone_and_takes_away_what_it_brought(
    shell: Shell, machine: Cluster, stack_images: Any, pod_namespace: str
) -> None:
    del stack_images
    before = _held(machine, pod_namespace)
    exported = shell(f"gaiectl export script --stack gaie.yaml -n {pod_namespace} > gaie.sh")
    assert exported.returncode == 0, exported.stderr

    up = shell("rm bin/gaiectl; sh gaie.sh up")
    assert up.returncode == 0, up.stdout + up.stderr
    ready = ("-o", "jsonpath={.items[*].status.readyReplicas}")
    assert machine.do("get", "deployments", "-n", pod_namespace, *ready) == "1 1"
    again = shell("sh gaie.sh up")
    assert again.returncode == 0, again.stdout + again.stderr

    down = shell("sh gaie.sh down && sh gaie.sh down")
    assert down.returncode == 0, down.stdout + down.stderr
    gone = ("--for=delete", "pods", "--all", "--timeout=180s")
    machine.do("wait", *gone, "-n", pod_namespace)
    assert _held(machine, pod_namespace) == before
    assert shell("sh gaie.sh sideways").returncode == 2


def _until_nodes_list(machine: Cluster, images: Any) -> None:
    """Wait until the node has told of images that were just loaded: it does so now and then."""
    path = "jsonpath={.items[*].status.images[*].names}"
    deadline = time.monotonic() + 300
    while any(image not in machine.do("get", "nodes", "-o", path) for image in images):
        assert time.monotonic() < deadline, "the node does not list its images"
        machine.run("wait", "--for=jsonpath={.status.nothing}=1", "nodes", "--all", "--timeout=1s")


def _held(machine: Cluster, namespace: str) -> list[str]:
    kinds = "deployments,services,configmaps,secrets,serviceaccounts,roles,rolebindings"
    return sorted(machine.do("get", kinds, "-n", namespace, "-o", "name").splitlines())
