"""Checks before an installation, on an API server: each breakage is told by its own check."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.checks.cluster import scenes
from gaiectl.checks.cluster.before_install import before_install, require_fit
from gaiectl.checks.cluster.catalog import ALL
from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.report import Outcome, Result
from gaiectl.checks.cluster.run import run
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document, Identity, identity, in_namespace, load
from gaiectl.errors import GaieError
from gaiectl.operations.looking_ahead import look
from gaiectl.plan import Plan
from machine.cluster import Cluster as Machine

NAME = "llm"
STACK = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: llm-epp}
---
apiVersion: v1
kind: Service
metadata: {name: llm-epp}
spec:
  selector: {app: llm-epp}
  ports: [{name: grpc, port: 9002, targetPort: grpc}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: llm-epp}
rules:
- {apiGroups: [""], resources: [pods], verbs: [list, watch]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm-epp}
spec:
  replicas: 2
  selector: {matchLabels: {app: llm-epp}}
  template:
    metadata: {labels: {app: llm-epp}}
    spec:
      serviceAccountName: llm-epp
      containers:
      - name: epp
        image: registry.example/epp:1
        args: [--pool-name=llm, --v=1]
        ports: [{name: grpc, containerPort: 9002}]
        env:
        - name: TOKEN
          valueFrom: {secretKeyRef: {name: hf-token, key: token}}
        resources: {requests: {cpu: 100m, memory: 64Mi}}
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: llm}
spec:
  targetPorts: [{number: 8000}]
  selector: {matchLabels: {app: model}}
  endpointPickerRef: {name: llm-epp, port: {number: 9002}}
"""


@pytest.fixture
def api(cluster: Machine, kubeconfig: Path) -> Cluster:
    del cluster  # knows the Inference APIs
    return Cluster(connect(Access(kubeconfig=str(kubeconfig))))


def stack(namespace: str) -> list[Document]:
    return list(in_namespace(load(STACK), namespace))


def of(documents: Sequence[Document], kind: str) -> Any:
    return next(one for one in documents if one["kind"] == kind)


def checked(
    api: Cluster, namespace: str, documents: Sequence[Document], *ids: str
) -> dict[str, Result]:
    """Make these checks, or all of those before an installation."""
    scene = scenes.before(api, name=NAME, namespace=namespace, documents=documents)
    chosen = [c for c in ALL if (c.id in ids if ids else Stage.PRE in c.stages)]
    return {result.check.id: result for result in run(chosen, scene)}


def object_of(kind: str, namespace: str, name: str, version: str = "v1", **more: Any) -> Document:
    metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def secret(namespace: str, **data: str) -> Document:
    return object_of("Secret", namespace, "hf-token", stringData=data)


def test_a_cluster_in_order_passes_all_that_needs_no_node(api: Cluster, namespace: str) -> None:
    api.create(secret(namespace, token="hf_x"))
    results = checked(api, namespace, stack(namespace))

    bad = {one.check.id: one.seen for one in results.values() if one.outcome is Outcome.FAILED}
    assert bad.keys() <= {"CAP001"}, bad  # there is no node
    assert {"KUB001", "KUB004", "KUB006", "KUB007", "KUB008", "INF001", "SEC001"} <= {
        one.check.id for one in results.values() if one.outcome is Outcome.PASSED
    }


def pod(namespace: str, *ports: int, **labels: str) -> Document:
    listed = [{"containerPort": port} for port in ports]
    container = {"name": "main", "image": "registry.example/model:1", "ports": listed}
    metadata = {"labels": labels}
    return object_of("Pod", namespace, "model", metadata=metadata, spec={"containers": [container]})


def test_what_install_asks_first_takes_less_than_two_seconds(api: Cluster, namespace: str) -> None:
    plan = Plan(path="standalone", name=NAME, namespace=namespace, steps=())
    seconds = []
    for _ in range(3):  # once the computer may have had other things to do
        began = time.monotonic()
        failed = before_install(api, plan, stack(namespace))
        seconds.append(time.monotonic() - began)

    assert min(seconds) < 2
    assert [one.check.id for one in failed if one.check.id != "CAP001"] == ["SEC001"]
    with pytest.raises(GaieError, match=r"^(SEC001: there is no Secret|CAP001: no node)") as caught:
        require_fit(api, plan, stack(namespace))
    assert f"Secret {namespace}/hf-token" in caught.value.message + caught.value.detail


def test_all_that_is_wrong_with_a_namespace_is_told_in_one_run(
    api: Cluster, namespace: str
) -> None:
    """Objects of others, a Secret without its key, a quota, a LimitRange, other labels."""
    documents = stack(namespace)
    foreign, released = deepcopy(of(documents, "Service")), deepcopy(of(documents, "Role"))
    released["metadata"] |= {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": "theirs",
            "meta.helm.sh/release-namespace": namespace,
        },
    }
    limits = [{"type": "Container", "max": {"cpu": "50m"}}]
    spec = {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"]}
    documents.append(object_of("PersistentVolumeClaim", namespace, "cache", spec=spec))
    deployment = of(documents, "Deployment")
    deployment["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": "hf-token"}]
    few = object_of("ResourceQuota", namespace, "few", spec={"hard": {"pods": "2"}})
    for document in (
        *(foreign, released, secret(namespace, other="x"), pod(namespace, app="vllm"), few),
        object_of("ResourceQuota", namespace, "tight", spec={"hard": {"configmaps": "1"}}),
        object_of("LimitRange", namespace, "small", spec={"limits": limits}),
    ):
        api.create(document)

    def counts_the_pod() -> bool:
        used = _get(api, "ResourceQuota", namespace, "few").get("status", {}).get("used")
        if used == {"pods": "0"}:  # its controller had not heard of the pod, and counts but once
            api.delete(identity(few))
            api.create(few)
        return bool(used == {"pods": "1"})

    _wait(counts_the_pod)
    results = checked(api, namespace, documents)

    for id_, said, hint in (
        ("KUB006", "Service .*llm-epp is there already", "another name"),
        ("KUB006", "Role.* belongs to the Helm release theirs", "helm uninstall theirs"),
        ("CAP003", "few leaves 1 of 2 pods, and the stack takes 2 more", "fewer replicas"),
        ("CAP004", "cpu", "change resources"),
        ("CAP005", "wants the storage class fast; the cluster has", "modelServer.cache"),
        ("SEC001", "has no key 'token' but other", "tokenSecret"),
        ("SEC002", "is of type Opaque", "docker-registry"),
        ("POL001", "which no pod in .* has\npods there have app=vllm", "selector"),
    ):
        assert results[id_].outcome in (Outcome.FAILED, Outcome.WARNING), id_
        assert re.search(said, results[id_].seen), results[id_].seen
        assert hint in results[id_].hint, id_


@pytest.mark.parametrize(
    ("kind", "change", "id_", "said"),
    [
        (
            "Service",
            lambda one: one["spec"]["ports"][0].update(port=9003),
            *("POL003", "at port 9002; it has 9003"),
        ),
        (
            "Deployment",
            lambda one: one["spec"]["template"]["spec"]["containers"][0]["args"].append(
                "--grpc-port=9100"
            ),
            *("POL003", "leads to port 9002, but .* listens on 9100"),
        ),
        (
            "InferencePool",
            lambda one: one.update(apiVersion="inference.networking.k8s.io/v9"),
            *("INF001", "does not serve InferencePool .*/v9, but v1 of it"),
        ),
        (
            "Deployment",
            lambda one: one["spec"]["template"]["spec"]["containers"][0].update(image="epp"),
            *("SEC004", "epp may be another one tomorrow"),
        ),
    ],
)
def test_what_does_not_agree_is_told(
    api: Cluster, kind: str, change: Callable[[Any], object], id_: str, said: str
) -> None:
    documents = stack("default")
    change(of(documents, kind))
    result = checked(api, "default", documents, id_)[id_]

    assert result.outcome in (Outcome.FAILED, Outcome.WARNING)
    assert re.search(said, result.seen), result.seen
    assert result.hint


def _get(api: Cluster, kind: str, namespace: str, name: str) -> Document:
    return api.get(Identity("", kind, namespace, name)) or {}


def _wait(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_port_on_which_no_pod_listens_is_told(api: Cluster, namespace: str) -> None:
    api.create(pod(namespace, 8080, 9000, app="model"))
    result = checked(api, namespace, stack(namespace), "POL002")["POL002"]

    assert result.outcome is Outcome.FAILED
    assert "sends to port 8000; pod model has 8080, 9000" in result.seen


def test_pods_that_pod_security_refuses_are_told_before_they_are_there(
    api: Cluster, restricted_namespace: str
) -> None:
    documents = stack(restricted_namespace)
    result = checked(api, restricted_namespace, documents, "KUB001", "KUB005", "KUB007")["KUB007"]

    assert result.outcome is Outcome.FAILED
    assert 'violates PodSecurity "restricted:latest"' in result.seen
    assert "allowPrivilegeEscalation" in result.seen
    assert "pod-security.kubernetes.io/enforce" in result.hint
    assert not list(api.list(api.kinds.need("", "Pod"), restricted_namespace))


def test_a_namespace_that_is_going_is_told(api: Cluster, new_namespace: Callable[[], str]) -> None:
    namespace = new_namespace()
    held = object_of("ConfigMap", namespace, "held", metadata={"finalizers": ["example.com/held"]})
    api.create(held)
    api.delete(Identity("", "Namespace", "", namespace))
    try:
        results = checked(api, namespace, stack(namespace))
    finally:
        api.merge(Identity("", "ConfigMap", namespace, "held"), {"metadata": {"finalizers": None}})

    assert results["KUB005"].outcome is Outcome.FAILED
    assert "is being deleted" in results["KUB005"].seen
    assert results["KUB007"].outcome is Outcome.SKIPPED


def test_a_namespace_that_is_not_there_is_told_with_the_way_to_it(api: Cluster) -> None:
    results = checked(api, "nowhere", stack("nowhere"))
    assert results["KUB005"].fix == ("kubectl create namespace nowhere",)
    assert results["CAP003"].outcome is Outcome.SKIPPED
    brought = [*stack("nowhere"), object_of("Namespace", "", "nowhere")]
    assert checked(api, "nowhere", brought)["KUB005"].outcome is Outcome.PASSED


@contextlib.contextmanager
def developer(api: Cluster, kubeconfig: Path, namespace: str) -> Iterator[Cluster]:
    """Yield the cluster as somebody sees it who may do all in a namespace but one thing."""
    rules = [
        {"apiGroups": ["", "inference.networking.k8s.io"], "resources": ["*"], "verbs": ["*"]},
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["roles"],
            "verbs": ["get", "list", "create", "patch", "delete"],
        },
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]},
    ]
    group, user = "rbac.authorization.k8s.io", f"developer-{namespace}"
    api.create(object_of("Role", namespace, "developer", f"{group}/v1", rules=rules))
    subjects = [{"kind": "User", "name": user, "apiGroup": group}]
    role = {"kind": "Role", "name": "developer", "apiGroup": group}
    api.create(
        object_of(
            "RoleBinding", namespace, "developer", f"{group}/v1", subjects=subjects, roleRef=role
        )
    )
    yield Cluster(connect(Access(kubeconfig=str(kubeconfig), user=user)))


def test_the_right_that_lacks_is_named_and_what_cannot_be_seen_is_skipped_with_the_rule(
    api: Cluster, kubeconfig: Path, namespace: str
) -> None:
    documents = stack(namespace)
    of(documents, "Role")["rules"].append(
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get"]}
    )
    api.create(secret(namespace, token="hf_x"))
    with developer(api, kubeconfig, namespace) as seen_by:
        _wait(lambda: seen_by.may("list", api.kinds.need("", "Secret"), namespace))
        results = checked(seen_by, namespace, documents)

    rights = results["KUB004"]
    assert rights.outcome is Outcome.FAILED
    assert rights.seen == f"you may not create, delete deployments.apps in namespace {namespace}"
    assert "resources: [deployments], verbs: [create, delete]" in rights.hint
    assert results["KUB008"].outcome is Outcome.FAILED
    assert "leases" in results["KUB008"].seen
    nodes = results["CAP001"]
    assert (nodes.outcome, nodes.seen) == (Outcome.SKIPPED, "your user may not list nodes")
    assert 'ClusterRole with this rule lets it look: {apiGroups: [""], resources: [nodes]' in (
        nodes.hint
    )
    assert results["SEC001"].outcome is Outcome.PASSED


def test_an_envoy_gateway_that_ignores_backends_is_told_with_the_values_that_change_it(  # P22
    api: Cluster, cluster_of_all_kinds: Machine, namespace: str
) -> None:
    del cluster_of_all_kinds
    backend = object_of("Backend", namespace, "llm", "gateway.envoyproxy.io/v1alpha1")
    unseen = checked(api, namespace, [backend], "PRV003")["PRV003"]
    assert unseen.outcome is Outcome.SKIPPED

    api.create(object_of("Namespace", "", "envoy-gateway-system", "v1"))
    config = object_of("ConfigMap", "envoy-gateway-system", "envoy-gateway-config", "v1")
    config["data"] = {"envoy-gateway.yaml": "extensionApis: {enableEnvoyPatchPolicy: true}"}
    api.create(config)
    off = checked(api, namespace, [backend], "PRV003")["PRV003"]
    assert off.outcome is Outcome.FAILED
    assert off.seen == "extensionApis.enableBackend is not true"
    assert any("extensionApis.enableBackend=true" in line for line in off.fix)
    with pytest.raises(GaieError, match="would not heed the stack"):
        look(api, "llm", namespace, [backend], is_waiting=False)
    api.delete(identity(config))


def test_a_route_of_others_that_takes_all_requests_is_told_before_anything_is_written(  # P23
    api: Cluster, cluster_of_all_kinds: Machine, namespace: str
) -> None:
    del cluster_of_all_kinds
    ours, theirs = (
        object_of(
            *("HTTPRoute", namespace, name, "gateway.networking.k8s.io/v1"),
            spec={"parentRefs": [{"name": "gate"}], "rules": [{}]},
        )
        for name in (NAME, "theirs")
    )
    assert checked(api, namespace, [ours], "RTE004")["RTE004"].outcome is Outcome.PASSED
    api.create(theirs)

    plan = Plan(path="inferencepool", name=NAME, namespace=namespace, steps=())
    said = f"RTE004: HTTPRoute {namespace}/theirs is on Gateway {namespace}/gate and comes before"
    with pytest.raises(GaieError, match=said) as raised:
        require_fit(api, plan, [ours])
    assert "another Gateway or listener" in raised.value.hint


def test_a_provider_that_is_not_installed_is_told_with_its_commands(
    api: Cluster, cluster_of_all_kinds: Machine, namespace: str
) -> None:
    del cluster_of_all_kinds
    group = "gateway.networking.k8s.io"
    gateway = object_of("Gateway", namespace, "gate", f"{group}/v1")
    gateway["spec"] = {"gatewayClassName": "istio", "listeners": []}
    results = checked(api, namespace, [gateway], "GWA001", "GWA002", "PRV001", "PRV002")

    assert results["GWA001"].outcome is Outcome.PASSED
    assert results["PRV001"].outcome is Outcome.FAILED
    assert "there is no GatewayClass istio" in results["PRV001"].seen
    assert "gaiectl prereqs install istio" in results["PRV001"].fix
    assert results["PRV002"].outcome is Outcome.WARNING
    labels = {"app": "istiod"}
    container = {"name": "discovery", "image": "docker.io/istio/pilot:1.27.3"}
    istiod = object_of("Deployment", namespace, "istiod", "apps/v1", metadata={"labels": labels})
    istiod["spec"] = {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    api.create(istiod)
    off = checked(api, namespace, [gateway], "PRV002")["PRV002"]
    assert "ENABLE_GATEWAY_API_INFERENCE_EXTENSION is not set" in off.seen
    container["env"] = [{"name": "ENABLE_GATEWAY_API_INFERENCE_EXTENSION", "value": "true"}]  # type: ignore[assignment] # a container of any shape
    api.apply(istiod, force=True)
    old = checked(api, namespace, [gateway], "PRV002")["PRV002"]
    assert old.outcome is Outcome.WARNING
    assert "is of 1.27.3; istio 1.28.0 is the first" in old.seen


def unplug(config: dict[str, Any]) -> None:
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"


def expire(config: dict[str, Any]) -> None:
    config["users"][0]["user"] = {"token": "expired"}


def distrust(config: dict[str, Any]) -> None:
    del config["clusters"][0]["cluster"]["certificate-authority-data"]


@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        (unplug, "does not answer", "see that the cluster runs"),
        (expire, "Unauthorized", "log in again"),
        (distrust, "is not trusted", "certificate-authority-data"),
    ],
)
def test_a_cluster_that_cannot_be_asked_is_told_once(
    kubeconfig: Path, tmp_path: Path, change: Callable[[Any], None], said: str, hint: str
) -> None:
    config = yaml.safe_load(kubeconfig.read_text())
    change(config)
    path = tmp_path / "changed"
    path.write_text(yaml.safe_dump(config))
    results = checked(Cluster(connect(Access(str(path)))), "default", stack("default"))

    assert [one.check.id for one in results.values() if one.outcome is Outcome.FAILED] == ["KUB001"]
    assert said in results["KUB001"].seen
    assert hint in results["KUB001"].hint
    assert results["KUB002"].outcome is Outcome.SKIPPED
