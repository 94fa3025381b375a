"""All that becomes of a stack, from an empty cluster to an empty cluster, while clients use it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from gaiectl.model import builtin
from machine.alone import alone
from machine.cluster import Cluster
from machine.command import Gaiectl
from machine.images import Image
from machine.load import load
from machine.snapshot import differences, settled

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

_STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: standalone
api: {api}
modelServer:
  kind: builtin
  replicas: 2
  model: some/model
  arguments: [--time-to-first-token=50ms, --inter-token-latency=10ms]
"""
_SCORER = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer}, {type: max-score-picker}]
schedulingProfiles:
- {name: default, plugins: [{pluginRef: queue-scorer}, {pluginRef: max-score-picker}]}
"""
_URL = "http://llm-epp.cycle:8081"
_EPPS = ("pods", "-n", "cycle", "-l", "app.kubernetes.io/instance=llm", "-o", "json")


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


def epps(cluster: Cluster) -> set[str]:
    """Return the names of the pods of the Endpoint Picker that are to stay."""
    pods = [each["metadata"] for each in json.loads(cluster.do("get", *_EPPS))["items"]]
    return {each["name"] for each in pods if "deletionTimestamp" not in each}


@pytest.mark.parametrize("api", ["crds", "flags"])
def test_a_stack_serves_through_every_change_and_goes_without_a_trace(
    api: str, lone: Cluster, gaiectl: Gaiectl, tmp_path: Path
) -> None:
    stack, scorer = tmp_path / "gaie.yaml", tmp_path / "scorer.yaml"
    stack.write_text(_STACK.format(api=api))
    scorer.write_text(_SCORER)
    kubernetes = Api(connect(Access(kubeconfig=str(lone.kubeconfig))))
    before = settled(kubernetes)
    brings = ["--create-namespace", *(["--include-crds"] if api == "crds" else [])]
    gaiectl("install", "--stack", str(stack), "-n", "cycle", *brings)
    told = json.loads(gaiectl("test", "llm", "-n", "cycle", "-o", "json").stdout)
    assert told["success"]

    first = epps(lone)
    with load(lone, "clients", builtin.image(), _URL, "some/model") as clients:
        clients.go_on()
        gaiectl("upgrade", "llm", "-n", "cycle", "--epp-config", str(scorer))
        second = epps(lone)
        clients.go_on()
        gaiectl("rollback", "llm", "-n", "cycle")
        third = epps(lone)
        old = [f"pod/{name}" for name in sorted(first | second)]
        lone.do("wait", "-n", "cycle", "--for=delete", *old, "--timeout=180s")
        clients.go_on()
        seen = clients.end()
    print(seen)
    assert not first & second | second & third | third & first
    events = lone.do("get", "events", "-n", "cycle", "--field-selector=type=Warning")
    assert seen.failures == [], events
    assert seen.failed == 0
    assert seen.streamed > 100

    gaiectl("cleanup", "llm", "-n", "cycle", "--namespace", "--crds", "-y")
    assert differences(kubernetes, before) == set()
