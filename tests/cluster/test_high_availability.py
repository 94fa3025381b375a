"""Two Endpoint Pickers with a leader, while leaders, model servers and the node come and go."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gaiectl.model import builtin
from machine import images, node
from machine.alone import alone
from machine.cluster import Cluster
from machine.command import Gaiectl
from machine.images import Image
from machine.load import load

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

_STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: standalone
epp: {replicas: 2}
modelServer:
  kind: builtin
  replicas: 2
  model: some/model
  arguments: [--time-to-first-token=50ms, --inter-token-latency=10ms]
values:
  # The successor of a leader that is updated has so long to start, on a busy machine.
  inferenceExtension: {sidecar: {drainSeconds: 60}}
"""
_SCORER = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer}, {type: max-score-picker}]
schedulingProfiles:
- {name: default, plugins: [{pluginRef: queue-scorer}, {pluginRef: max-score-picker}]}
"""
_HERE = ("-n", "stack")
_URL = "http://llm-epp.stack:8081"
_LEASE_SECONDS = 15.0
# Of attempts to get the Lease, of probes, of kube-proxy, and of a machine that does other things.
_MARGIN_SECONDS = 20.0


@pytest.fixture(scope="module")
def lone(
    node_parts: None,
    kubectl: Path,
    bare_python_image: Image,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    with alone(tmp_path_factory.mktemp("alone"), kubectl, bare_python_image) as cluster:
        cluster.do("create", "namespace", "clients")
        yield cluster


@pytest.fixture(scope="module")
def gaiectl(lone: Cluster, helm4: Path) -> Gaiectl:
    return Gaiectl(lone, helm4)


def holder(cluster: Cluster) -> str:
    """Return who leads, ``POD_ID``; empty while nobody does."""
    leases = json.loads(cluster.do("get", "lease", *_HERE, "-o", "json"))["items"]
    holders = [str(one["spec"].get("holderIdentity") or "") for one in leases]
    return next((one for one in holders if one.startswith("llm-epp-")), "")


def another(cluster: Cluster, old: str) -> str:
    """Wait until another process leads than ``old`` did, and is ready; return who."""
    found: str = until(
        lambda: (now := holder(cluster)) not in ("", old) and is_ready(cluster, pod(now)) and now
    )
    return found


def pod(identity: str) -> str:
    """Return the name of the pod of someone who leads."""
    return identity.partition("_")[0]


def is_ready(cluster: Cluster, name: str) -> bool:
    path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    return cluster.run("get", "pod", name, *_HERE, "-o", path).stdout == "True"


def until(done: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


def warnings(cluster: Cluster) -> str:
    """Return what Kubernetes complains of, such as pods that a busy machine let starve."""
    return cluster.do("get", "events", *_HERE, "--field-selector=type=Warning")


def words(said: str) -> str:
    """Return a text without its line breaks, which depend on how wide it is shown."""
    return " ".join(said.split())


def status(gaiectl: Gaiectl) -> str:
    """Return what is said of the stack."""
    return words(gaiectl.ended("status", "llm", *_HERE).stdout)


def evict(cluster: Cluster, name: str) -> None:
    """Ask for what a drain of a node asks for: the budget is minded."""
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": "stack"},
    }
    path = f"/api/v1/namespaces/stack/pods/{name}/eviction"
    cluster.do("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))


def kill(cluster: Cluster, name: str) -> None:
    """End the process of a pod's picker with SIGKILL: it can tell nobody."""
    path = 'jsonpath={.status.containerStatuses[?(@.name=="epp")].containerID}'
    container = cluster.do("get", "pod", name, *_HERE, "-o", path).removeprefix("containerd://")
    socket = node.containerd_socket(cluster.kubeconfig.parent)
    done = images.ctr(socket, "task", "kill", "--signal", "SIGKILL", container)
    assert done.returncode == 0, done.stderr


def test_a_stack_with_two_pickers_serves_whoever_goes(
    lone: Cluster, gaiectl: Gaiectl, tmp_path: Path
) -> None:
    stack, scorer = tmp_path / "gaie.yaml", tmp_path / "scorer.yaml"
    stack.write_text(_STACK)
    scorer.write_text(_SCORER)
    gaiectl(*("install", "--stack", str(stack), *_HERE, "--create-namespace", "--include-crds"))

    with load(lone, "clients", builtin.image(), _URL, "some/model") as clients:
        clients.go_on()
        first = holder(lone)
        lone.do("delete", "pod", pod(first), *_HERE, "--wait=false")
        second = another(lone, first)
        clients.go_on()
        model = lone.do("get", "pods", *_HERE, "-l", "app=llm-model", "-o", "name").split()[0]
        lone.do("delete", model, *_HERE)
        clients.go_on()
        assert clients.so_far().failures == [], warnings(lone)

        gaiectl("upgrade", "llm", *_HERE, "--epp-config", str(scorer))
        third = another(lone, second)
        lone.do("wait", "--for=delete", f"pod/{pod(second)}", *_HERE, "--timeout=180s")
        clients.go_on()
        assert clients.so_far().failures == [], warnings(lone)

        lone.do("cordon", "node")
        evict(lone, pod(third))
        fourth = another(lone, third)
        clients.go_on()
        assert clients.so_far().failures == [], warnings(lone)
        until(lambda: "fits on no node" in status(gaiectl))
        assert "unschedulable" in status(gaiectl)
        refused = gaiectl.ended("check", "--stack", str(stack), *_HERE, "--pre")
        assert refused.returncode == 1
        assert "node is cordoned" in words(refused.stdout), refused.stdout
        lone.do("uncordon", "node")
        until(
            lambda: json.loads(gaiectl.ended("status", "llm", *_HERE, "-o", "json").stdout)[
                "items"
            ][0]["isHealthy"]
        )

        # Who is on the way out would answer in the leader's place.
        lone.do("wait", "--for=delete", f"pod/{pod(third)}", *_HERE, "--timeout=180s")
        before = clients.go_on()
        kill(lone, pod(fourth))
        fifth = another(lone, fourth)
        killed = clients.go_on()
        lone.do("delete", "pod", pod(fifth), *_HERE, "--grace-period=0", "--force")
        another(lone, fifth)
        clients.go_on()
        seen = clients.end()
    print(before, f"killed: {killed.failed - before.failed} failed", sep="\n")
    print(f"deleted by force: {seen.failed - killed.failed} failed; all in all: {seen._asdict()}")
    assert before.failed == 0
    assert killed.longest_gap < _LEASE_SECONDS + _MARGIN_SECONDS
    assert seen.longest_gap < _LEASE_SECONDS + _MARGIN_SECONDS

    lone.do("taint", "node", "node", "test/pressure=high:NoExecute")
    until(lambda: not holder(lone) or not is_ready(lone, pod(holder(lone))))
    until(lambda: "fits on no node" in status(gaiectl))
    refused = gaiectl.ended("check", "--stack", str(stack), *_HERE, "--pre")
    assert "node has the taint test/pressure=high:NoExecute" in words(refused.stdout), (
        refused.stdout
    )
    changed = gaiectl.ended("upgrade", "llm", *_HERE, "--set", "inferenceExtension.flags.v=2")
    assert changed.returncode != 0
    assert "has the taint test/pressure=high:NoExecute" in words(changed.stderr), changed.stderr
    lone.do("taint", "node", "node", "test/pressure:NoExecute-")
    gaiectl("install", "--stack", str(stack), *_HERE)
