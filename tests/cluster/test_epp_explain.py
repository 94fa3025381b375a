"""``gaiectl epp explain --live``: an EPP in a pod is asked through the API server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gaiectl.documents import Document
from machine.certificates import Authority
from machine.cluster import Cluster
from machine.pods import pod, service

pytestmark = pytest.mark.long

Said = subprocess.CompletedProcess[str]
Explain = Callable[..., Said]

RBAC = "rbac.authorization.k8s.io"
EPP = (
    *("--endpoint-selector=app=server", "--endpoint-target-ports=8000"),
    *("--secure-serving=false", "--v=1"),
)
CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer}]
schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer}]}]
"""
READY = {
    "readinessProbe": {
        "httpGet": {"path": "/readyz", "port": 9090},
        "periodSeconds": 1,
        "failureThreshold": 60,
    }
}


@pytest.fixture(scope="module")
def stack(
    machine: Cluster,
    pod_namespace: str,
    stack_images: Any,
) -> Iterator[str]:
    """A stack "llm": a model server and EPPs of several kinds; returns its namespace."""
    server = pod(
        "server",
        stack_images.epp,
        ["--host=0.0.0.0", "--model=m"],
        command=["python", "-m", "gaiectl.simulator"],
        readinessProbe={"tcpSocket": {"port": 8000}, "periodSeconds": 1},
    )
    ports = [{"name": "metrics", "containerPort": 9090}]
    epp = _epp("llm-epp", stack_images.epp, ports=ports, **READY)
    everyone = _role("epp", [_rule("", "pods", "get", "list", "watch")])
    cluster_wide = _cluster_role(
        f"{pod_namespace}-epp",
        pod_namespace,
        "default",
        _rule("authentication.k8s.io", "tokenreviews", "create"),
        _rule("authorization.k8s.io", "subjectaccessreviews", "create"),
    )
    reader = _cluster_role(
        f"{pod_namespace}-reader",
        pod_namespace,
        "reader",
        {"nonResourceURLs": ["/debug/explain"], "verbs": ["post"]},
    )
    accounts = [_account("reader"), _account("stranger")]
    objects = [server, service("llm-epp", 9090, 9090), *everyone, *accounts, _workload(epp)]
    machine.apply([*cluster_wide, *reader, *objects], f"--namespace={pod_namespace}")
    machine.do("rollout", "status", "deploy/llm-epp", "-n", pod_namespace, "--timeout=180s")
    machine.do("wait", "--for=condition=Ready", "pod/server", "-n", pod_namespace, "--timeout=180s")
    yield pod_namespace
    for kind in ("clusterrolebinding", "clusterrole"):
        machine.do("delete", kind, f"{pod_namespace}-epp", f"{pod_namespace}-reader")


@pytest.fixture
def explain(machine: Cluster, stack: str, tmp_path: Path) -> Explain:
    """Run ``gaiectl epp explain --live`` in the namespace of the stack."""
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"model": "m", "prompt": "hello"}))

    def run(live: str, *options: str, kubeconfig: Path = machine.kubeconfig) -> Said:
        return subprocess.run(
            [
                *(sys.executable, "-m", "gaiectl", "epp", "explain", "--live", live),
                *("-n", stack, "--request", str(request), *options),
            ],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


@pytest.mark.parametrize("live", ["deploy/llm-epp", "svc/llm-epp:9090", "llm", "pod"])
def test_an_epp_in_a_pod_is_asked_by_the_names_that_kubectl_knows(
    machine: Cluster, stack: str, explain: Explain, live: str
) -> None:
    name = f"pod/{_pod_name(machine, stack)}" if live == "pod" else live

    done = explain(name, "--service-account=reader", "-o", "json")

    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["decision"]["endpoints"] == [f"{stack}/server-rank-0"]
    assert record["request"]["model"] == "m"


def test_who_may_not_ask_is_told_the_rule_that_is_missing(explain: Explain) -> None:
    nobody = explain("llm")
    stranger = explain("llm", "--service-account=stranger")

    assert nobody.returncode == stranger.returncode == 1
    assert "answers 401" in nobody.stderr
    assert "--service-account NAME" in nobody.stderr
    assert "answers 403" in stranger.stderr
    assert "{nonResourceURLs: [/debug/explain], verbs: [post]}" in stranger.stderr


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ("deploy/none", "there is no Deployment {}/none"),
        ("other", "there is no Deployment {}/other-epp"),
        ("pod/none", "there is no Pod {}/none"),
        ("svc/none", "there is no Service {}/none"),
        ("pod/server:7", "nothing listens at port 7 of Pod {}/server"),
        ("deploy/broken", "no pod of Deployment {}/broken is ready"),
    ],
)
def test_what_cannot_be_asked_is_said_to_be_so(
    machine: Cluster, stack: str, explain: Explain, live: str, expected: str
) -> None:
    if live == "deploy/broken":
        broken = _epp("broken", "localhost/gaiectl-test/nowhere:1")
        machine.apply([_workload(broken)], f"--namespace={stack}")
        made = "--for=jsonpath={.status.replicas}=1"  # before it, waiting by a label finds no pod
        machine.do("wait", made, "deployment/broken", "-n", stack, "--timeout=120s")
        reason = "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}"
        broken_pods = ("pod", "-n", stack, "-l", "app=broken", "--timeout=120s")
        machine.do("wait", f"{reason}=ErrImageNeverPull", *broken_pods)

    done = explain(live)

    assert done.returncode == 1
    assert f"error: {expected.format(stack)}\n" in done.stderr
    assert "\nhint: " in done.stderr
    assert ("cannot use image" in done.stderr) is (live == "deploy/broken")


def test_a_user_without_rights_is_told_which_to_ask_for(
    machine: Cluster, stack: str, explain: Explain, tmp_path: Path
) -> None:
    config = json.loads(machine.do("config", "view", "--raw", "--minify", "-o=json"))
    token = machine.do("create", "token", "stranger", "-n", stack).strip()
    config["users"][0]["user"] = {"token": token}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    said = [explain("deploy/llm-epp", kubeconfig=kubeconfig).stderr]

    for rule in (
        _rule("apps", "deployments", "get"),
        _rule("", "pods", "list"),
    ):
        name = rule["resources"][0]
        machine.apply(_role(name, [rule], account="stranger"), f"--namespace={stack}")
        said.append(explain("deploy/llm-epp", kubeconfig=kubeconfig).stderr)

    who = f"system:serviceaccount:{stack}:stranger"
    assert f"{who} may not get deployments in namespace {stack}" in said[0]
    assert '{apiGroups: ["apps"], resources: [deployments], verbs: [get]}' in said[0]
    assert '{apiGroups: [""], resources: [pods], verbs: [list]}' in said[1]
    assert f"{who} may not create and get pods/portforward in namespace {stack}" in said[2]
    assert '{apiGroups: [""], resources: [pods/portforward], verbs: [create, get]}' in said[2]


def test_a_metrics_port_with_tls_is_asked_by_tls(
    machine: Cluster, stack: str, explain: Explain, stack_images: Any, tmp_path: Path
) -> None:
    pair = Authority(tmp_path / "pki").issue("epp", "epp", addresses=["epp"])
    machine.do(
        *("create", "secret", "tls", "epp-metrics", "-n", stack),
        *(f"--cert={pair.certificate}", f"--key={pair.key}"),
    )
    probe = {"httpGet": {"path": "/readyz", "port": 9443, "scheme": "HTTPS"}, "periodSeconds": 1}
    epp = _epp(
        "tls-epp",
        stack_images.epp,
        "--metrics-cert-dir=/tls",
        "--metrics-port=9443",
        readinessProbe={**probe, "failureThreshold": 60},
        volumeMounts=[{"name": "tls", "mountPath": "/tls"}],
    )
    epp["spec"]["volumes"] = [{"name": "tls", "secret": {"secretName": "epp-metrics"}}]
    machine.apply([_workload(epp)], f"--namespace={stack}")
    machine.do("rollout", "status", "deploy/tls-epp", "-n", stack, "--timeout=120s")

    done = explain("deploy/tls-epp", "--service-account=reader")

    assert done.returncode == 0, done.stderr
    assert f"{stack}/server" in done.stdout


def _epp(name: str, image: str, *flags: str, **container: object) -> Document:
    def of_pod(variable: str, field: str) -> dict[str, object]:
        return {"name": variable, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.{field}"}}}

    env = [of_pod("POD_NAME", "name"), of_pod("NAMESPACE", "namespace")]
    arguments = [*EPP, f"--config-text={CONFIG}", *flags]
    return pod(name, image, arguments, env=env, **container)


def _workload(template: Document) -> Document:
    labels = template["metadata"]["labels"]
    spec = {**template["spec"], "restartPolicy": "Always"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": template["metadata"]["name"]},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _account(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def _rule(group: str, resource: str, *verbs: str) -> dict[str, list[str]]:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def _role(name: str, rules: list[dict[str, list[str]]], account: str = "default") -> list[Document]:
    role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account}],
    }
    return [role, binding]


def _cluster_role(
    name: str, namespace: str, account: str, *rules: dict[str, list[str]]
) -> list[Document]:
    role, binding = _role(name, list(rules), account)
    role["kind"] = binding["roleRef"]["kind"] = "ClusterRole"
    binding["kind"] = "ClusterRoleBinding"
    binding["subjects"][0]["namespace"] = namespace
    return [role, binding]


def _pod_name(machine: Cluster, namespace: str) -> str:
    path = "-o=jsonpath={.items[0].metadata.name}"
    return machine.do("get", "pods", "-n", namespace, "-l", "app=llm-epp", path)
