"""The first quickstarts for Envoy Gateway, from an empty namespace to an empty namespace."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gaiectl import crds
from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.port_forward import forwarded
from gaiectl.paths.envoy_gateway_profiles import PROFILES
from machine.cluster import Cluster
from machine.command import Gaiectl
from machine.envoy_gateway_parts import NAMESPACE
from machine.snapshot import cluster_image

pytestmark = pytest.mark.long

STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: envoy-gateway
provider: {gatewayService: ClusterIP}
modelServer:
  kind: builtin
  replicas: 2
  adapters: [{name: tweet-summary-0}, {name: tweet-summary-1}]
  arguments: [--max-num-seqs, "2", --time-to-first-token, 1s, --max-waiting-queue-length, "100"]
"""
PROVEN = {"PRV001", "RTE001", "RTE002", "POL001", "EPP001", "DAT001", "DAT004"}
CHECKS = ("models", "completion", "streaming", "bad-json", "big-body")
OWNER = "gateway.envoyproxy.io/owning-gateway"
ASKED = tuple(word for one in CHECKS for word in ("--check", one))
CROWD = 64
COPIES = ("tweet-summary-0", "tweet-summary-1")
_PORTS = {"eg-override": 10080, "eg-v0.1": 8081, "eg-v0.2": 8081, "eg-v0.2-streaming": 8081}


@contextmanager
def way_to(machine: Cluster, namespace: str, port: int) -> Iterator[httpx.Client]:
    """Ask the proxy of the stack's Gateway."""
    labels = f"-l={OWNER}-namespace={namespace}"
    pod = machine.do("get", "pod", labels, "-n", NAMESPACE, "-o=name").strip()
    connection = connect(Access(kubeconfig=str(machine.kubeconfig)))
    with (
        forwarded(connection, NAMESPACE, pod.rpartition("/")[2], port) as forward,
        httpx.Client(
            base_url=f"http://127.0.0.1:{forward.local_port}",
            trust_env=False,
            timeout=120,
            limits=httpx.Limits(max_connections=None),
        ) as client,
    ):
        yield client


def asked(client: httpx.Client, kind: str, **others: Any) -> httpx.Response:
    """Ask for a summary, as a critical or sheddable request."""
    return client.post(
        "/v1/completions",
        json={"model": "tweet-summary", "prompt": "San Francisco", "max_tokens": 1},
        headers={"x-gateway-inference-objective": f"llm-{kind}"},
        **others,
    )


def is_shed(client: httpx.Client, seconds: float) -> bool:
    """Ask until a sheddable request is refused."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if asked(client, "sheddable", timeout=1).status_code == httpx.codes.TOO_MANY_REQUESTS:
                return True
        except httpx.TimeoutException:  # it waits for its turn, so there was room for it
            continue
    return False


@pytest.fixture
def run(envoy_gateway: Cluster, helm4: Path) -> Gaiectl:
    return Gaiectl(envoy_gateway, helm4)


@pytest.mark.usefixtures("stack_images")
@pytest.mark.parametrize("profile", _PORTS)
def test_a_stack_serves_the_critical_sheds_the_rest_and_goes_without_a_trace(
    envoy_gateway: Cluster,
    run: Gaiectl,
    new_pod_namespace: Callable[..., str],
    tmp_path: Path,
    profile: str,
) -> None:
    machine, namespace, file = envoy_gateway, new_pod_namespace(), tmp_path / "gaie.yaml"
    machine.define(crds.crds())
    file.write_text(STACK)
    here = ("-n", namespace)
    api = Api(connect(Access(kubeconfig=str(machine.kubeconfig))))
    machine.do("wait", "--for=create", "configmap/kube-root-ca.crt", *here, "--timeout=180s")
    before = cluster_image(api, namespace)

    with ExitStack() as leaving:  # Envoy Gateway cannot go before its classes
        leaving.callback(run, "cleanup", "llm", *here, "-y")
        run("install", "--stack", str(file), "--profile", profile, *here)

        checked = json.loads(run("check", "llm", "--post", *here, "-o", "json").stdout)
        results = {one["id"]: one["result"] for one in checked["checks"]}
        assert {one for one, result in results.items() if result == "passed"} >= PROVEN
        assert "failed" not in results.values()
        run("status", "llm", *here)  # all is well: no controller here answers for the pool

        with way_to(machine, namespace, _PORTS[profile]) as client:
            answer = asked(client, "critical")
            assert (answer.status_code, answer.headers["x-went-into-resp-headers"]) == (200, "true")
            # No server knows it by this name; an EPP that gets no answers' bodies leaves theirs.
            own = ("tweet-summary",) if PROFILES[profile].is_duplex else COPIES
            assert answer.json()["model"] in own
            with ThreadPoolExecutor(CROWD) as pool:
                crowd = [pool.submit(asked, client, "critical") for _ in range(CROWD)]
                assert is_shed(client, 60)
                assert {one.result().status_code for one in crowd} == {200}
            assert asked(client, "sheddable").status_code == httpx.codes.OK

        tested = json.loads(run("test", "llm", *here, *ASKED, "-o", "json").stdout)
        assert tested["success"]

    assert cluster_image(api, namespace) == before
    made = f"-l={OWNER}-namespace={namespace}"
    gone = ("--for=delete", "deployment,service", made, "-n", NAMESPACE, "--timeout=180s")
    machine.do("wait", *gone)
