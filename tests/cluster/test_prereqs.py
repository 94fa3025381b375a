"""``gaiectl prereqs`` in a control plane of its own, for what it brings belongs to whole clusters.

The pinned files come from the Go modules that test clusters are made of, as mirrors.
"""

import base64
import gzip
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gaiectl.cli.app import run as run_command_line
from gaiectl.documents import dump
from gaiectl.operations.prereqs import releases
from machine import lease, programs
from machine.cluster import Cluster

pytestmark = pytest.mark.long

TOKEN = "hf_" + "x" * 34


class Said(NamedTuple):
    code: int
    out: str
    err: str


Gaiectl = Callable[..., Said]


@pytest.fixture(scope="module")
def control_plane(
    require: Callable[[str, str], None], kubectl: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A control plane in which nobody else is."""
    try:
        programs.find(*programs.CONTROL_PLANE)
    except programs.Missing as error:
        require("apiserver", str(error))
    folder = tmp_path_factory.mktemp("control-plane")
    with lease.machine(folder) as kubeconfig:
        yield Cluster(kubectl, kubeconfig, folder / "kubectl")


@pytest.fixture(scope="module")
def gateway_files(require: Callable[[str, str], None]) -> Path:
    """The folder of the Gateway API's standard CRDs."""
    try:
        return programs.module("sigs.k8s.io/gateway-api@v1.4.0") / "config/crd/standard"
    except programs.Missing as error:
        require("apiserver", str(error))
        raise


@pytest.fixture(scope="module")
def charts(
    require: Callable[[str, str], None], helm4: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the chart of LeaderWorkerSets, as ``helm pull`` would bring it."""
    folder = tmp_path_factory.mktemp("charts")
    try:
        chart = programs.module("sigs.k8s.io/lws@v0.7.0") / "charts/lws"
    except programs.Missing as error:
        require("apiserver", str(error))
        raise
    command = [helm4, "package", "--version", "0.7.0", "-d", folder, chart]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def gaiectl(
    control_plane: Cluster,
    helm4: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Gaiectl:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    monkeypatch.setenv("GAIECTL_HELM", str(helm4))
    monkeypatch.delenv("HF_TOKEN", raising=False)

    def run(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["gaiectl", *words])
        capsys.readouterr()
        code = run_command_line()
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def server(gateway_files: Path) -> Iterator[str]:
    """A web server on this machine that has the files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=gateway_files)) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def kubectl_json(cluster: Cluster, words: str) -> Any:
    return json.loads(cluster.do(*words.split(), "-o", "json"))


def test_definitions_come_once_stay_as_long_as_they_are_used_and_go(
    gaiectl: Gaiectl, control_plane: Cluster, gateway_files: Path, server: str, tmp_path: Path
) -> None:
    lacking = gaiectl("prereqs", "install", "istio", "--mirror", str(tmp_path))
    assert lacking.code == 4
    assert "istio needs gateway-api" in lacking.err
    assert "gaiectl prereqs install gateway-api istio" in lacking.err

    for file in gateway_files.glob("*.yaml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    changed = tmp_path / "gateway.networking.k8s.io_gateways.yaml"
    changed.write_bytes(changed.read_bytes() + b"\n# changed")
    refused = gaiectl("prereqs", "install", "gateway-api", "--mirror", str(tmp_path))
    assert refused.code == 1
    assert "expected b0e29566" in refused.err
    assert not control_plane.do("get", "crd", "-o", "name")

    install = ("prereqs", "install", "gateway-api", "inference-crds", "--mirror", server)
    tried = gaiectl(*install, "--dry-run=server")
    assert tried.code == 0, tried.err
    assert "gateway-api installed (v1.4.0) (server dry run)" in tried.out
    assert not control_plane.do("get", "crd", "-o", "name")

    done = gaiectl(*install)
    assert done.code == 0, done.err
    assert done.out == "inference-crds installed\ngateway-api installed (v1.4.0)\n"
    again = gaiectl("prereqs", "install", "gateway-api", "--mirror", gateway_files.as_uri())
    assert again.out == "gateway-api unchanged (v1.4.0)\n"

    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "front", "namespace": "default"},
        "spec": {
            "gatewayClassName": "none",
            "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}],
        },
    }
    control_plane.do("apply", "-f", "-", stdin=dump([gateway]))
    used = gaiectl("prereqs", "remove", "gateway-api", "-y")
    assert used.code == 4
    assert "default/front" in used.err
    assert "gateways.gateway.networking.k8s.io" in control_plane.do("get", "crd", "-o", "name")

    control_plane.do("delete", "gateway", "front")
    gone = gaiectl("prereqs", "remove", "gateway-api", "inference-crds", "-y")
    assert gone.code == 0, gone.err
    assert not control_plane.do("get", "crd", "-o", "name")
    assert "is not there" in gaiectl("prereqs", "remove", "gateway-api", "-y").err


def test_what_somebody_else_brought_is_an_answer_and_stays(
    gaiectl: Gaiectl, control_plane: Cluster, gateway_files: Path
) -> None:
    mirror = ("--mirror", str(gateway_files))
    gateways = str(gateway_files / "gateway.networking.k8s.io_gateways.yaml")
    control_plane.do("apply", "--server-side", "--field-manager=ingress-operator", "-f", gateways)
    half = gaiectl("prereqs", "install", "gateway-api", *mirror)
    assert half.code == 4
    assert "by ingress-operator" in half.err
    assert "HTTPRoute.gateway.networking.k8s.io is missing" in half.err

    place = str(gateway_files)
    control_plane.do("apply", "--server-side", "--field-manager=ingress-operator", "-f", place)
    there = gaiectl("prereqs", "install", "gateway-api", *mirror)
    assert there.code == 0, there.err
    assert there.out == "gateway-api there already (by ingress-operator, v1.4.0)\n"

    kept = gaiectl("prereqs", "remove", "gateway-api", "-y")
    assert kept.code == 4
    assert "brought by ingress-operator" in kept.err
    control_plane.do("delete", "-f", place)


def _cut_off(cluster: Cluster, namespace: str, status: str) -> None:
    """Let the last revision of a release look as if Helm had been killed while it made it."""
    secrets = kubectl_json(cluster, f"get secrets -n {namespace} -l owner=helm")["items"]
    last = max(secrets, key=lambda one: int(one["metadata"]["labels"]["version"]))
    packed = base64.b64decode(base64.b64decode(last["data"]["release"]))
    release = json.loads(gzip.decompress(packed))
    release["info"]["status"] = status
    packed = gzip.compress(json.dumps(release).encode())
    last["data"]["release"] = base64.b64encode(base64.b64encode(packed)).decode()
    last["metadata"]["labels"]["status"] = status
    del last["metadata"]["resourceVersion"]
    cluster.do("replace", "-f", "-", stdin=dump([last]))


def test_a_controller_is_a_helm_release_of_ours_that_only_we_remove(
    gaiectl: Gaiectl,
    control_plane: Cluster,
    charts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking = gaiectl("prereqs", "install", "lws", "--mirror", str(tmp_path))
    assert lacking.code == 1
    assert "helm pull oci://registry.k8s.io/lws/charts/lws --version 0.7.0" in lacking.err

    install = ("prereqs", "install", "lws", "--mirror", str(charts))
    late = gaiectl(*install, "--timeout", "1s")
    assert late.code == 3, late.err
    assert "lws-controller-manager" in late.err
    resumed = gaiectl(*install, "--timeout", "0s")
    assert (resumed.code, resumed.out) == (0, "lws unchanged (0.7.0)\n")
    changed = gaiectl(*install, "--timeout", "0s", "--set", "replicaCount=2")
    assert changed.out == "lws configured (0.7.0)\n"
    deployment = kubectl_json(control_plane, "get deploy -n lws-system lws-controller-manager")
    assert deployment["spec"]["replicas"] == 2

    _cut_off(control_plane, "lws-system", "pending-upgrade")
    busy = gaiectl(*install, "--timeout", "0s")
    assert busy.code == 4
    assert "the Helm release lws in namespace lws-system is pending-upgrade for" in busy.err
    monkeypatch.setattr(releases, "_PENDING_SECONDS", 0.0)
    resumed = gaiectl(*install, "--timeout", "0s", "--set", "replicaCount=2")
    assert resumed.out == "lws configured (0.7.0)\n", resumed.err

    control_plane.do(
        "label", "secret", "-n", "lws-system", "-l", "owner=helm", "gaiectl.dev/brought-by-"
    )
    foreign = gaiectl(*install, "--timeout", "0s")
    assert foreign.out.startswith("lws there already (Deployment lws-system/lws-controller-manager")
    assert "by Helm release lws" in foreign.out
    kept = gaiectl("prereqs", "remove", "lws", "-y")
    assert kept.code == 4
    assert "helm uninstall lws -n lws-system" in kept.err

    control_plane.do(
        *("label", "secret", "-n", "lws-system", "-l", "owner=helm"),
        "gaiectl.dev/brought-by=gaiectl",
    )
    # Nobody serves the webhook here, where no pods run.
    control_plane.do(
        "delete", "validatingwebhookconfiguration,mutatingwebhookconfiguration", "--all"
    )
    worker = {"spec": {"containers": [{"name": "c", "image": "c"}]}}
    groups = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "wide", "namespace": "default"},
        "spec": {"leaderWorkerTemplate": {"workerTemplate": worker}},
    }
    control_plane.do("apply", "-f", "-", stdin=dump([groups]))
    used = gaiectl("prereqs", "remove", "lws", "-y")
    assert used.code == 4
    assert "lws is used by LeaderWorkerSet default/wide" in used.err
    control_plane.do("delete", "leaderworkerset", "wide")
    election = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "b8b2488c.x-k8s.io", "namespace": "lws-system"},
        "spec": {"holderIdentity": "lws-controller-manager-7f6d-x2x4q_5c1e"},
    }
    control_plane.do("apply", "-f", "-", stdin=dump([election]))
    gone = gaiectl("prereqs", "remove", "lws", "-y")
    assert gone.code == 0, gone.err
    assert "lws: lease.coordination.k8s.io/b8b2488c.x-k8s.io goes" in gone.err
    assert "lease.coordination.k8s.io/b8b2488c.x-k8s.io deleted" in gone.out
    assert "namespace/lws-system deleted" in gone.out
    assert "leaderworkerset" not in control_plane.do("get", "crd", "-o", "name")

    gaiectl(*install, "--timeout", "0s")
    control_plane.do("create", "configmap", "notes", "-n", "lws-system")
    kept = gaiectl("prereqs", "remove", "lws", "-y")
    assert kept.code == 0, kept.err
    assert "namespace/lws-system stays: it holds more: 1 ConfigMap" in kept.err
    control_plane.do("delete", "namespace", "lws-system")


def test_a_token_comes_from_a_variable_or_a_file_and_is_never_shown(
    gaiectl: Gaiectl, control_plane: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    control_plane.do("create", "namespace", "tokens")
    install = ("prereqs", "install", "llm-d-hf-token", "-n", "tokens")
    without = gaiectl(*install)
    assert without.code == 2
    assert "the environment variable HF_TOKEN holds no token" in without.err

    monkeypatch.setenv("HF_TOKEN", f"{TOKEN}\n")
    made, again = gaiectl(*install), gaiectl(*install)
    assert made.out == "llm-d-hf-token installed (Secret tokens/llm-d-hf-token)\n", made.err
    assert again.out == "llm-d-hf-token unchanged (Secret tokens/llm-d-hf-token)\n"
    secret = kubectl_json(control_plane, "get secret llm-d-hf-token -n tokens")
    assert base64.b64decode(secret["data"]["HF_TOKEN"]).decode() == TOKEN

    file = tmp_path / "token"
    file.write_text("hf_another")
    other = gaiectl(*install, "--from-file", str(file))
    assert other.out == "llm-d-hf-token configured (Secret tokens/llm-d-hf-token)\n"

    kubectl_json(
        control_plane, "create secret generic hf-token -n tokens --from-literal=token=theirs"
    )
    theirs = ("prereqs", "install", "hf-token", "-n", "tokens")
    refused, taken = gaiectl(*theirs), gaiectl(*theirs, "--replace")
    assert refused.code == 4
    assert "holds another token" in refused.err
    assert taken.code == 0, taken.err
    assert gaiectl("prereqs", "remove", "hf-token", "-n", "tokens", "-y").code == 4
    assert gaiectl("prereqs", "remove", "llm-d-hf-token", "-n", "tokens", "-y").code == 0
    nowhere = gaiectl("prereqs", "install", "hf-token", "-n", "nowhere")
    assert nowhere.code == 1
    assert "kubectl create namespace nowhere" in nowhere.err
    for said in (without, made, again, other, refused, taken, nowhere):
        assert TOKEN not in said.out + said.err
        assert "hf_another" not in said.out + said.err
