"""``gaiectl test`` and ``gaiectl sysdump`` of a stack whose pods run."""

import json
import re
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.pods import find_pod, parse
from gaiectl.cluster.port_forward import forwarded
from machine.cluster import Cluster
from machine.command import Gaiectl, Said

pytestmark = pytest.mark.long

Run = Callable[..., Said]

STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: standalone
modelServer: {kind: builtin, replicas: 2, env: {X_API_KEY: swordfish-99}}
"""
PASS = {
    *("models", "completion", "chat", "streaming", "big-body", "request-id", "prefix-affinity"),
    *("spread", "objective-priority", "metrics", "bad-json", "unknown-path", "endpoint-dies"),
    *("no-endpoints", "picker-dies"),
}
PARTS = (
    *("versions.json", "nodes.json", "checks.json", "errors.txt", "objects/inventory.yaml"),
    *(r"objects/[\w-]+/Deployment.apps/llm-epp.yaml", r"namespaces/[\w-]+/events.txt"),
    *("logs/epp/llm-epp-[^/]+/epp.log", "logs/epp/llm-epp-[^/]+/envoy-sidecar.log"),
    *("epp/llm-epp-[^/]+/metrics.txt", "epp/llm-epp-[^/]+/state.json"),
    *("proxy/llm-epp-[^/]+/config_dump.json", "proxy/llm-epp-[^/]+/clusters.txt"),
    "model/llm-model-[^/]+/metrics.txt",
)


@pytest.fixture(scope="module")
def run(machine: Cluster) -> Run:
    return Gaiectl(machine).ended


@pytest.fixture(scope="module")
def stack(
    run: Run, pod_namespace: str, stack_images: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A stack "llm" that serves; returns its namespace."""
    del stack_images
    file = tmp_path_factory.mktemp("stack") / "gaie.yaml"
    file.write_text(STACK)
    done = run("install", "--stack", str(file), "--include-crds", "-n", pod_namespace, "-y")
    assert done.returncode == 0, done.stderr + done.stdout
    yield pod_namespace
    run("cleanup", "llm", "-n", pod_namespace, "-y")


def test_short_port_forwards_at_once_do_not_get_at_each_other(
    stack: str, machine_kubeconfig: Path
) -> None:
    api = Api(connect(Access(kubeconfig=str(machine_kubeconfig))))
    pod = find_pod(api, parse("deploy/llm-epp"), stack)["metadata"]["name"]

    def ask(_: int) -> int:
        with forwarded(api.connection, stack, pod, 9090) as forward:
            url = f"http://127.0.0.1:{forward.local_port}/metrics"
            return httpx.get(url, trust_env=False, timeout=30).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(60))) == {200}


def test_an_archive_holds_what_is_needed_and_no_secrets(
    run: Run, stack: str, tmp_path: Path
) -> None:
    path = tmp_path / "dump.tar.gz"
    done = run("sysdump", "llm", "-n", stack, "--file", str(path))

    assert (done.returncode, done.stdout) == (0, f"{path}\n"), done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        files = {one.name.partition("/")[2]: tar.extractfile(one) for one in tar.getmembers()}
        held = {name: file.read().decode() for name, file in files.items() if file}
    for part in PARTS:
        assert any(re.fullmatch(part, name) for name in held), part
    assert held["errors.txt"] == ""
    assert json.loads(held["checks.json"])["kind"] == "CheckReport"
    assert not [name for name, text in held.items() if "swordfish" in text]
    again = run("sysdump", "llm", "-n", stack, "--file", str(path))
    assert (again.returncode, "is there already" in again.stderr) == (2, True)


def test_a_stack_passes_every_check_and_its_endpoint_picker_comes_back(
    run: Run, stack: str, machine: Cluster, tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    options = ("--disruptive", "-o", "json", "--junit-file", str(report))
    done = run("test", "llm", "-n", stack, *options)

    told = json.loads(done.stdout)
    results = {one["id"]: one for one in told["checks"]}
    passed = {name for name, one in results.items() if one["result"] == "passed"}
    assert passed == PASS, done.stdout
    assert (done.returncode, told["success"], told["kind"]) == (0, True, "TestReport")
    assert re.search(
        r"was killed; after [\d.]+ s llm-epp-\S+ led to", results["picker-dies"]["evidence"]
    )
    assert all(one["reason"] for one in results.values() if one["result"] == "skipped")
    assert len(ET.parse(report).getroot()[0].findall("testcase")) == len(results)
    assert "No resources" in machine.run("get", "inferenceobjectives", "-n", stack).stderr


def test_what_cannot_be_tested_and_what_fails_are_different_ends(
    run: Run, stack: str, machine: Cluster
) -> None:
    machine.do("scale", "-n", stack, "deployment/llm-model", "--replicas=0")
    machine.do("wait", "-n", stack, "--for=delete", "pod", "-l", "app=llm-model", "--timeout=120s")
    nobody = run("test", "llm", "-n", stack)
    failed = run("test", "llm", "-n", stack, "--model", "m", "--check", "completion")
    unknown = run("test", "nothing", "-n", stack)

    assert (nobody.returncode, failed.returncode, unknown.returncode) == (2, 1, 2)
    assert "nobody tells which models the stack serves" in nobody.stderr
    assert "expected 200; POST /v1/completions: 503" in failed.stdout
    assert f"gaiectl status llm -n {stack}" in failed.stdout
    assert "there is no stack nothing" in unknown.stderr
