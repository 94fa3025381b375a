"""Objects of one rendering fit together, or the user is told which two do not, and what to set."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.errors import Exit, GaieError
from gaiectl.validation.agreement import check_agreement

STACK = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: llm-epp, namespace: llm}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: llm-epp, namespace: llm}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: llm-epp, namespace: llm}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: llm-epp}
subjects: [{kind: ServiceAccount, name: llm-epp, namespace: llm}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: llm-epp, namespace: llm}
data: {default-plugins.yaml: ""}
---
apiVersion: v1
kind: Service
metadata: {name: llm-epp, namespace: llm, labels: {app.kubernetes.io/name: llm-epp}}
spec:
  selector: {inferencepool: llm-epp}
  ports:
  - {name: grpc-ext-proc, port: 9002, targetPort: grpc}
  - {name: http-metrics, port: 9090, targetPort: metrics}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: llm-epp-monitor, namespace: llm}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: llm-epp}}
  endpoints: [{port: http-metrics}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: llm-epp, namespace: llm}
spec: {maxUnavailable: 1, selector: {matchLabels: {inferencepool: llm-epp}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm-epp, namespace: llm}
spec:
  selector: {matchLabels: {inferencepool: llm-epp}}
  template:
    metadata: {labels: {inferencepool: llm-epp}}
    spec:
      serviceAccountName: llm-epp
      containers:
      - name: epp
        args: [--pool-name=llm, --pool-namespace=llm, --pool-group, inference.networking.k8s.io]
        ports:
        - {name: grpc, containerPort: 9002}
        - {name: metrics, containerPort: 9090}
        readinessProbe: {grpc: {port: 9003}}
        volumeMounts: [{name: config, mountPath: /config}]
      - name: proxy
        ports: [{name: http, containerPort: 8081}]
        readinessProbe: {httpGet: {port: http, path: /ready}}
      volumes: [{name: config, configMap: {name: llm-epp}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm-model, namespace: llm}
spec:
  selector: {matchLabels: {app: llm-model}}
  template:
    metadata:
      labels: {app: llm-model, inference.networking.k8s.io/engine-type: vllm}
    spec:
      containers:
      - name: vllm
        ports: [{name: http, containerPort: 8000}]
        env:
        - {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hf-token, key: token}}}
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: llm, namespace: llm}
spec:
  selector: {matchLabels: {app: llm-model}}
  targetPorts: [{number: 8000}]
  endpointPickerRef: {name: llm-epp, port: {number: 9002}}
---
apiVersion: networking.gke.io/v1
kind: HealthCheckPolicy
metadata: {name: llm, namespace: llm}
spec:
  targetRef: {group: inference.networking.k8s.io, kind: InferencePool, name: llm}
  default: {config: {type: HTTP, httpHealthCheck: {requestPath: /health, port: 8000}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: inference-gateway, namespace: llm}
spec: {gatewayClassName: istio, listeners: [{name: http, protocol: HTTP, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: llm-epp, namespace: llm}
spec: {host: llm-epp.llm.svc.cluster.local}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: llm, namespace: llm}
spec:
  parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: inference-gateway}]
  rules:
  - backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: llm}]
"""
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all(STACK))
TOKEN = (
    "needs Secret hf-token with the key 'token' in namespace llm: "
    "Deployment.apps llm/llm-model uses it"
)
REMOVED = object()
POD = "spec/template/spec"
EPP = f"Deployment:llm-epp/{POD}/containers/0"
ROOT_CERTIFICATE = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
PROXY = f"Deployment:llm-epp/{POD}/containers/1"
MODEL = "Deployment:llm-model"


def steps_of(path: str) -> tuple[int, tuple[str | int, ...]]:
    """Return which object ``Kind[:name]/spec/...`` means, and the steps inside it."""
    first, *rest = path.replace("engine~type", "inference.networking.k8s.io/engine-type").split("/")
    kind, _, name = first.partition(":")
    index = next(
        index
        for index, one in enumerate(OBJECTS)
        if one["kind"] == kind and name in ("", one["metadata"]["name"])
    )
    return index, tuple(int(step) if step.isdigit() else step for step in rest)


def changed(path: str, value: Any) -> list[dict[str, Any]]:
    """Return the stack with one value replaced, or with an object or a value removed."""
    index, steps = steps_of(path)
    objects = copy.deepcopy(OBJECTS)
    if not steps:
        return objects[:index] + objects[index + 1 :]
    target: Any = objects[index]
    for step in steps[:-1]:
        target = target[step]
    if value is REMOVED:
        del target[steps[-1]]
    else:
        target[steps[-1]] = value
    return objects


def refusal_of(objects: list[dict[str, Any]]) -> GaieError | None:
    try:
        check_agreement(objects)
    except GaieError as error:
        return error
    return None


def test_a_stack_that_fits_together_passes_and_says_what_it_needs() -> None:
    assert check_agreement(OBJECTS) == [TOKEN]


@pytest.mark.parametrize(
    ("path", "value", "both"),
    [
        (
            *("InferencePool/spec/endpointPickerRef/port/number", 8000),
            ("InferencePool", "is 8000", "Service llm/llm-epp has the ports 9002 (grpc-ext-proc)"),
        ),
        (
            *(f"{EPP}/args", ["--pool-name=llm", "--grpc-port=9100"]),
            ("leads through Service llm/llm-epp to port 9002", "--grpc-port 9100"),
        ),
        (
            *(f"{EPP}/args", ["--pool-name=llm", "--pool-group=inference.networking.x-k8s.io"]),
            (
                "--pool-group inference.networking.x-k8s.io",
                "InferencePool.inference.networking.k8s.io llm/llm",
            ),
        ),
        (
            *(f"{EPP}/args", ["--pool-name=other"]),
            ("watches the pool llm/other", "rendered is InferencePool"),
        ),
        (
            *("InferencePool/spec/selector/matchLabels", {"app": "vllm"}),
            ("Deployment.apps llm/llm-model", "selects app=vllm", "modelServers.matchLabels"),
        ),
        (
            *("InferencePool/spec/selector/matchLabels", {"inferencepool": "llm-epp"}),
            ("which the EPP itself carries",),
        ),
        (
            *(f"{MODEL}/{POD}/containers/0/ports/0/containerPort", 9000),
            ("port 8000", "Deployment.apps llm/llm-model listens on 9000", "targetPorts"),
        ),
        (
            *("Service/spec/ports/0/targetPort", "grcp"),
            ("port 9002 leads to the container port 'grcp'", "grpc, http, metrics"),
        ),
        (
            *("ServiceMonitor/spec/endpoints/0/port", "metrics"),
            ("scrapes the port 'metrics'", "grpc-ext-proc, http-metrics"),
        ),
        (
            *(f"{MODEL}/spec/selector/matchLabels", {"app": "other"}),
            ("spec.selector wants app=other", "its own pods carry app=llm-model"),
        ),
        (
            *("HTTPRoute/spec/parentRefs/0/name", "other"),
            ("attaches to Gateway llm/other", "inference-gateway", "inferenceGatewayName"),
        ),
        (
            *("HTTPRoute/spec/parentRefs/0/sectionName", "https"),
            ("sectionName is 'https'", "the listeners http"),
        ),
        ("HTTPRoute/metadata/namespace", "other", ("attaches to Gateway other/inference-gateway",)),
        (
            *("HTTPRoute/spec/parentRefs/0/namespace", "infra"),
            ("attaches to Gateway infra/inference-gateway",),
        ),
        (
            *("HTTPRoute/spec/rules/0/backendRefs/0/group", "inference.networking.x-k8s.io"),
            ("group is 'inference.networking.x-k8s.io'", "'inference.networking.k8s.io'"),
        ),
        (
            *("HealthCheckPolicy/spec/targetRef/group", "inference.networking.x-k8s.io"),
            ("HealthCheckPolicy", "InferencePool.inference.networking.k8s.io llm/llm"),
        ),
        (
            *(f"{EPP}/volumeMounts/0/name", "conf"),
            ("container epp mounts the volume 'conf' at /config", "the pod has config"),
        ),
        (
            *(f"{PROXY}/readinessProbe/httpGet/port", "ready"),
            ("readinessProbe of container proxy asks the port 'ready'", "has http"),
        ),
        (
            *(f"{PROXY}/ports/0/containerPort", 9090),
            ("containers epp and proxy both listen on port 9090",),
        ),
        (
            f"Deployment:llm-epp/{POD}/volumes/0/configMap/items",
            [{"key": "plugins.yaml", "path": "plugins.yaml"}],
            ("reads the key 'plugins.yaml' of ConfigMap llm-epp", "default-plugins.yaml"),
        ),
    ],
)
def test_a_mistake_names_both_places(path: str, value: Any, both: tuple[str, ...]) -> None:
    refusal = refusal_of(changed(path, value))

    assert refusal is not None
    assert refusal.code == Exit.FAILED
    assert all(part in refusal.detail for part in both), refusal.detail
    assert any(all(part in line for part in both) for line in refusal.detail.splitlines())


@pytest.mark.parametrize(
    ("path", "value", "note"),
    [
        ("Gateway", None, "needs Gateway inference-gateway in namespace llm"),
        ("ServiceAccount", None, "needs ServiceAccount llm-epp in namespace llm"),
        ("ConfigMap", None, "needs ConfigMap llm-epp in namespace llm"),
        ("Role", None, "needs Role llm-epp in namespace llm"),
        (
            "HTTPRoute/spec/rules/0/backendRefs/0/name",
            "theirs",
            "needs InferencePool theirs in namespace llm",
        ),
        (
            f"{MODEL}/{POD}/volumes",
            [{"name": "cache", "persistentVolumeClaim": {"claimName": "weights"}}],
            "needs PersistentVolumeClaim weights in namespace llm",
        ),
        (f"{MODEL}/{POD}/imagePullSecrets", [{"name": "registry"}], "needs Secret registry"),
        ("DestinationRule/spec/host", "epp.example.com", "is none of the rendered Services"),
        (
            *("Service/spec/selector", {"inferencepool": "other"}),
            "needs pods with inferencepool=other in namespace llm: Service llm/llm-epp",
        ),
        (
            *("PodDisruptionBudget/spec/selector/matchLabels", {"a": "b"}),
            "needs pods with a=b in namespace llm: PodDisruptionBudget.policy llm/llm-epp",
        ),
        (
            *("ServiceMonitor/spec/selector/matchLabels", {"a": "b"}),
            "needs a Service with a=b: ServiceMonitor.monitoring.coreos.com llm/llm-epp-monitor",
        ),
        (
            f"{PROXY}/ports",
            [{"name": "http", "containerPort": 8081}, {"name": "grpc", "containerPort": 8082}],
            "containers epp and proxy both call a port 'grpc'",
        ),
    ],
)
def test_what_is_not_rendered_is_a_note(path: str, value: Any, note: str) -> None:
    notes = check_agreement(changed(path, value))

    assert [note in one for one in notes].count(True) == 1
    assert TOKEN in notes


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(f"{MODEL}/{POD}/containers/0/ports", REMOVED, id="undeclared ports"),
        pytest.param(
            "HealthCheckPolicy/spec/default/config/httpHealthCheck/port", 80, id="a health port"
        ),
        pytest.param(
            "InferencePool/spec/endpointPickerRef", {"kind": "Wizard", "name": "w"}, id="a picker"
        ),
        pytest.param(
            *("PodDisruptionBudget/spec/selector", {"matchExpressions": [{"key": "x"}]}),
            id="a selector that says more than labels",
        ),
        pytest.param(
            f"{MODEL}/{POD}/volumes",
            [{"name": "api", "projected": {"sources": [{"configMap": ROOT_CERTIFICATE}]}}],
            id="the certificate of the API server",
        ),
    ],
)
def test_what_may_work_is_not_complained_of(path: str, value: Any) -> None:
    assert check_agreement(changed(path, value)) == [TOKEN]


def with_extra(*extra: dict[str, Any]) -> list[dict[str, Any]]:
    return [*copy.deepcopy(OBJECTS), *extra]


def test_a_pool_may_be_rendered_in_both_groups() -> None:
    group = "inference.networking.x-k8s.io"
    early = {
        "apiVersion": f"{group}/v1alpha2",
        "kind": "InferencePool",
        "metadata": {"name": "llm", "namespace": "llm"},
        "spec": {
            "selector": {"app": "llm-model"},
            "targetPortNumber": 8000,
            "extensionRef": {"name": "llm-epp"},
        },
    }

    assert check_agreement([early, *OBJECTS]) == [TOKEN]


def test_a_route_may_attach_to_a_second_gateway_that_is_there_already() -> None:
    objects = copy.deepcopy(OBJECTS)
    objects[steps_of("HTTPRoute")[0]]["spec"]["parentRefs"].append({"name": "internal"})

    assert "needs Gateway internal in namespace llm" in "\n".join(check_agreement(objects))


def test_a_gateway_of_istios_own_api_is_another_thing() -> None:
    objects = [one for one in OBJECTS if one["kind"] != "Gateway"]
    other = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "mesh", "namespace": "llm"},
    }

    assert any(
        "needs Gateway inference-gateway" in one for one in check_agreement([*objects, other])
    )


def test_claims_of_a_stateful_set_are_volumes_too() -> None:
    labels = {"app": "db"}
    mount = {"name": "data", "mountPath": "/data"}
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "llm"},
        "spec": {
            "selector": {"matchLabels": labels},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "db", "volumeMounts": [mount]}]},
            },
        },
    }

    assert check_agreement(with_extra(stateful)) == [TOKEN]


def test_what_somebody_fills_later_need_not_be_full() -> None:
    path = f"Deployment:llm-epp/{POD}/volumes/0/configMap/items"
    objects = changed(path, [{"key": "ca.crt", "path": "ca.crt"}])
    objects[steps_of("ConfigMap")[0]]["data"] = {}

    assert "needs ConfigMap llm-epp with the key 'ca.crt'" in "\n".join(check_agreement(objects))


def test_a_named_port_need_not_be_on_every_pod_of_a_service() -> None:
    canary = copy.deepcopy(OBJECTS[steps_of("Deployment:llm-epp")[0]])
    canary["metadata"]["name"] = "canary"
    canary["spec"]["template"]["spec"]["containers"][0]["ports"].pop()

    assert check_agreement(with_extra(canary)) == [TOKEN]


@pytest.mark.parametrize("flags", [["--pool-name=llm", "extra"], ["--pool-name", "llm", "extra"]])
def test_flags_are_read_as_go_reads_them(flags: list[str]) -> None:
    assert check_agreement(changed(f"{EPP}/args", flags)) == [TOKEN]


def test_what_is_optional_is_not_needed() -> None:
    reference = {"name": "hf-token", "key": "token", "optional": True}
    path = f"{MODEL}/{POD}/containers/0/env/0/valueFrom/secretKeyRef"

    assert check_agreement(changed(path, reference)) == []


def test_an_epp_without_pool_is_held_to_its_flags() -> None:
    flags = ["--endpoint-selector=app=llm-model", "--endpoint-target-ports", "8000,8001"]
    objects = changed(f"{EPP}/args", flags)
    objects = [one for one in objects if one["kind"] != "InferencePool"]

    refusal = refusal_of(objects)

    assert refusal is not None
    assert refusal.detail == (
        "--endpoint-selector of Deployment.apps llm/llm-epp sends requests to port 8001, but "
        "Deployment.apps llm/llm-model listens on 8000; set "
        "inferenceExtension.endpointsServer.targetPorts to the port of the model servers"
    )


def test_an_early_pool_is_held_to_the_same() -> None:
    objects = [one for one in copy.deepcopy(OBJECTS) if one["kind"] != "InferencePool"]
    group = "inference.networking.x-k8s.io"
    early = {
        "apiVersion": f"{group}/v1alpha2",
        "kind": "InferencePool",
        "metadata": {"name": "llm", "namespace": "llm"},
        "spec": {
            "selector": {"app": "llm-model"},
            "targetPortNumber": 8000,
            "extensionRef": {"name": "llm-epp", "portNumber": 9003},
        },
    }

    refusal = refusal_of([*objects, early])

    assert refusal is not None
    assert "spec.extensionRef.portNumber is 9003" in refusal.detail
    assert f"of the group {group}" in refusal.detail


def test_all_mistakes_are_told_at_once() -> None:
    objects = changed("Service/spec/ports/0/targetPort", "grcp")
    objects[steps_of("HTTPRoute")[0]]["spec"]["parentRefs"][0]["name"] = "other"

    refusal = refusal_of(objects)

    assert refusal is not None
    assert refusal.message == "what is rendered would not work: 2 mistakes"
    assert len(refusal.detail.splitlines()) == 2


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value below the root."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(place=st.sampled_from(list(places(OBJECTS))), value=JSON)
@settings(max_examples=300, deadline=None)
def test_no_mutation_crashes_and_each_complaint_has_a_line(
    place: tuple[int, ...], value: Any
) -> None:
    objects: Any = copy.deepcopy(OBJECTS)
    target = objects
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value

    refusal = refusal_of(objects)

    assert refusal is None or (refusal.hint and all(refusal.detail.splitlines()))


@pytest.mark.parametrize("template", ["leaderTemplate", "workerTemplate"])
def test_pods_of_a_leader_worker_set_are_model_servers_too(template: str) -> None:
    objects = changed(f"{MODEL}/{POD}/containers/0/ports/0/containerPort", 9000)
    model = objects[steps_of(MODEL)[0]]
    model |= {"kind": "LeaderWorkerSet", "apiVersion": "leaderworkerset.x-k8s.io/v1"}
    model["spec"] = {"leaderWorkerTemplate": {template: model["spec"]["template"]}}
    error = refusal_of(objects)
    assert error
    listener = "LeaderWorkerSet.leaderworkerset.x-k8s.io llm/llm-model listens on 9000"
    assert listener in error.detail
