"""Rendered objects are judged as an API server would judge them."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.errors import Exit, GaieError
from gaiectl.validation.objects import check_objects
from gaiectl.validation.schema import path_of

STACK = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: llm-epp, namespace: llm}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: llm-epp, namespace: llm}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, watch, list]}
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
  - {name: grpc-ext-proc, port: 9002, targetPort: grpc, protocol: TCP}
  - {name: http-metrics, port: 9090, targetPort: 9090}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm-epp, namespace: llm, labels: {helm.sh/chart: inferencepool-0.1.0}}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {inferencepool: llm-epp}}
  template:
    metadata: {labels: {inferencepool: llm-epp}}
    spec:
      serviceAccountName: llm-epp
      containers:
      - name: epp
        image: localhost/gaiectl/epp:0.1.0
        args: [--pool-name=llm]
        ports: [{name: grpc, containerPort: 9002}, {name: metrics, containerPort: 9090}]
        readinessProbe: {grpc: {port: 9003, service: readiness}, periodSeconds: 2}
        resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 512Mi}}
        volumeMounts: [{name: config, mountPath: /config}]
      volumes: [{name: config, configMap: {name: llm-epp}}]
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: llm, namespace: llm}
spec:
  selector: {matchLabels: {app: vllm}}
  targetPorts: [{number: 8000}]
  endpointPickerRef: {name: llm-epp, port: {number: 9002}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: llm, namespace: llm}
spec:
  parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: inference-gateway}]
  rules:
  - backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: llm}]
    matches: [{path: {type: PathPrefix, value: /}}]
    timeouts: {request: 300s}
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: llm-epp, namespace: llm}
spec: {host: llm-epp.llm.svc, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true}}}
---
apiVersion: networking.gke.io/v1
kind: HealthCheckPolicy
metadata: {name: llm, namespace: llm}
spec:
  targetRef: {group: inference.networking.k8s.io, kind: InferencePool, name: llm}
  default: {config: {type: HTTP, httpHealthCheck: {requestPath: /health, port: 8000}}}
"""
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all(STACK))


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value below the root."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


PLACES = [(index, path) for index, one in enumerate(OBJECTS) for path in places(one)]


def changed(index: int, path: tuple[str | int, ...], value: Any) -> list[dict[str, Any]]:
    """Return the stack with one value replaced."""
    objects = copy.deepcopy(OBJECTS)
    target: Any = objects[index]
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return objects


def named(kind: str) -> int:
    return next(index for index, one in enumerate(OBJECTS) if one["kind"] == kind)


def refusal_of(objects: list[dict[str, Any]]) -> GaieError | None:
    try:
        check_objects(objects)
    except GaieError as error:
        return error
    return None


def steps_of(path: str) -> tuple[str | int, ...]:
    steps = (step.replace("~", "/") for step in path.split("/"))
    return tuple(int(step) if step.isdigit() else step for step in steps)


def complaint(kind: str, path: str, value: Any) -> str:
    """Return the only line that a changed value earns."""
    with pytest.raises(GaieError) as caught:
        check_objects(changed(named(kind), steps_of(path), value))
    (line,) = caught.value.detail.splitlines()
    assert caught.value.code == Exit.FAILED
    return line


EPP = "spec/template/spec/containers/0"
PICKER = "spec/endpointPickerRef"
MATCH = "spec/rules/0/matches/0"
TRAFFIC = "spec/trafficPolicy"


def test_a_stack_as_it_should_be_passes_without_a_note() -> None:
    assert check_objects(OBJECTS) == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "place", "words"),
    [
        ("Deployment", f"{EPP}/ports/0/containerPort", 70000, "", "70000 is above"),
        ("Deployment", f"{EPP}/imagePullPolici", "x", "", "did you mean 'imagePullPolicy'?"),
        ("Deployment", f"{EPP}/resources/limits/memory", "512Mb", "", "wanted: a quantity"),
        ("Deployment", f"{EPP}/args/0", None, "", "wanted a text, got nothing"),
        ("Service", "spec/ports/0/name", "Ext_Proc", "", "wanted: a DNS label"),
        ("Service", "spec/ports/0/targetPort", -1, "", "-1 is below"),
        ("Service", "metadata/labels/tier", "a b", "", "wanted: a label's value"),
        ("Service", "metadata/labels/a b", "a", "", "wanted: a key"),
        ("Service", "metadata/name", "1-epp", "", "wanted: a Service's name"),
        ("Role", "metadata/name", "a/b", "", "wanted: a role's name"),
        ("ConfigMap", "metadata/name", "a" * 254, "", "longer than 253 characters"),
        ("Deployment", f"{EPP}/image", None, path_of(steps_of(EPP)), "field 'image' is missing"),
        ("ConfigMap", "data", {1: "x"}, "data.1", "field name 1 is not a text; quote it"),
        (
            *("InferencePool", "spec/targetPorts", [{"number": 8000}, {"number": 8000}]),
            *("spec.targetPorts[1].number", "port 8000 is listed twice"),
        ),
        (
            *("InferencePool", "spec/endpointPickerRef", {"name": "llm-epp"}, ""),
            "'port' is missing, and a Service needs it",
        ),
        ("InferencePool", f"{PICKER}/failureMode", "failopen", "", "did you mean 'FailOpen'?"),
        ("InferencePool", f"{PICKER}/name", None, "", "wanted a text"),
        ("HTTPRoute", f"{MATCH}/path/type", "Prefix", "", "did you mean 'PathPrefix'?"),
        ("HTTPRoute", "spec/rules/0/timeouts/request", 300, "", "got the number 300"),
        ("DestinationRule", f"{TRAFFIC}/tls/mode", "SIMPL", "", "did you mean 'SIMPLE'?"),
        (
            *("DestinationRule", f"{TRAFFIC}/loadBalancer"),
            {"simple": "RANDOM", "consistentHash": {"useSourceIp": True}},
            *("", "one of the fields simple, consistentHash and no other"),
        ),
        ("HealthCheckPolicy", "spec/default/timeoutSec", 301, "", "301 is above"),
    ],
)
def test_a_mistake_is_told_with_object_field_and_value(
    kind: str, path: str, value: Any, place: str, words: str
) -> None:
    line = complaint(kind, path, value)
    who, _, rest = line.partition(": ")
    where, _, what = rest.partition(": ")

    assert re.fullmatch(rf"{kind}[.a-z0-9]* llm/\S+", who)
    assert where == (place or path_of(steps_of(path)))
    assert words in what


def test_a_complaint_names_the_value_that_the_field_is_made_from() -> None:
    assert complaint("Deployment", f"{EPP}/ports/0/containerPort", 70000) == (
        "Deployment.apps llm/llm-epp: spec.template.spec.containers[0].ports[0].containerPort: "
        "70000 is above the maximum 65535 "
        "(see inferenceExtension.extraContainerPorts, inferenceExtension.flags)"
    )


@pytest.mark.parametrize(
    ("kind", "spec", "value"),
    [
        ("GatewayParameters", {"kube": {"service": {"type": "External"}}}, "gateway.service"),
        ("GatewayParameters", {"kube": {"envoy": {}}}, "gateway.gatewayParameters"),
        ("DestinationRule", {"host": 1}, "gateway.destinationRule"),
    ],
)
def test_a_complaint_names_the_value_of_the_chart_that_made_the_object(
    kind: str, spec: dict[str, Any], value: str
) -> None:
    versions = {
        "GatewayParameters": "gateway.kgateway.dev/v1alpha1",
        "DestinationRule": "networking.istio.io/v1beta1",
    }
    metadata = {"name": "a", "namespace": "b", "labels": {"helm.sh/chart": "gateway-0.1.0"}}
    error = refusal_of(
        [{"apiVersion": versions[kind], "kind": kind, "metadata": metadata, "spec": spec}]
    )

    assert error
    assert error.detail.endswith(f"(see {value})")


@pytest.mark.parametrize(
    ("container", "values"),
    [
        ("initContainers", "routing.proxy"),
        ("containers", "decode.containers, prefill.containers"),
    ],
)
def test_a_complaint_of_model_servers_names_the_values_of_their_chart(
    container: str, values: str
) -> None:
    ports = [{"containerPort": "many"}]
    whole: dict[str, Any] = {"containers": [{"name": "a", "image": "b"}]}
    pod = {"spec": whole | {container: [{"name": "a", "image": "b", "ports": ports}]}}
    error = refusal_of(
        [
            {
                "apiVersion": "leaderworkerset.x-k8s.io/v1",
                "kind": "LeaderWorkerSet",
                "metadata": {"name": "a", "labels": {"helm.sh/chart": "modelservice-0.1.0"}},
                "spec": {"leaderWorkerTemplate": {"workerTemplate": pod}},
            }
        ]
    )

    assert error
    assert error.detail.endswith(f"(see {values})")


@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        (
            *(f"{EPP}/resources/requests/memory", "1Gi", ""),
            "1Gi is more than its limit 512Mi; raise the limit",
        ),
        (
            *(f"{EPP}/resources/requests/nvidia.com~gpu", 1, ""),
            "1 is not its limit; set both alike",
        ),
        ("spec/strategy/rollingUpdate", {}, "", "means nothing beside type Recreate"),
        (
            *("spec/strategy", {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
            *("spec.strategy.rollingUpdate", "both 0"),
        ),
        (
            *(f"{EPP}/lifecycle", {"preStop": {"sleep": {"seconds": 31}}}),
            *("spec.template.spec.terminationGracePeriodSeconds", "30 ends before the 31 s of"),
        ),
    ],
)
def test_values_that_bound_each_other_are_compared(
    path: str, value: Any, place: str, words: str
) -> None:
    line = complaint("Deployment", path, value)

    assert line.startswith(f"Deployment.apps llm/llm-epp: {place or path_of(steps_of(path))}: ")
    assert words in line


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("100m", "1"),
        ("0.5", "501m"),
        (1, "1.5"),
        ("1000M", "1Gi"),
        ("1024Ki", "1.1Mi"),
        ("1e3", "2k"),
        ("999999n", "1m"),
        (".5", 0.6),
    ],
)
def test_quantities_are_compared_by_what_they_amount_to(less: Any, more: Any) -> None:
    for requested, limit, is_fine in ((less, more, True), (more, less, False)):
        resources = {"requests": {"cpu": requested}, "limits": {"cpu": limit}}
        refusal = refusal_of(changed(named("Deployment"), steps_of(f"{EPP}/resources"), resources))

        assert (refusal is None) is is_fine


def test_resources_of_kubernetes_itself_may_be_shared() -> None:
    resources = {"requests": {"kubernetes.io/batch-cpu": "1k"}}

    assert refusal_of(changed(named("Deployment"), steps_of(f"{EPP}/resources"), resources)) is None


@pytest.mark.parametrize("amount", ["1e999999999", "1e1000"])
def test_an_amount_that_takes_kubernetes_minutes_to_read_is_refused(amount: str) -> None:
    assert "wanted: a quantity" in complaint("Deployment", f"{EPP}/resources/requests/cpu", amount)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("ConfigMap", "data", {"a": None}),
        ("ConfigMap", "metadata/labels", {"team": None}),
        ("InferencePool", "metadata/annotations", {"team": None, "Example.COM/Team": "a"}),
        ("Deployment", f"{EPP}/env", [{"name": "A", "value": "x", "valueFrom": None}]),
    ],
)
def test_a_null_field_is_an_absent_one(kind: str, path: str, value: Any) -> None:
    assert refusal_of(changed(named(kind), steps_of(path), value)) is None


def test_entries_that_apply_cannot_tell_apart_are_refused() -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]

    assert complaint("Deployment", f"{EPP}/env", twice) == (
        "Deployment.apps llm/llm-epp: spec.template.spec.containers[0].env: "
        "has two entries with name A (see inferenceExtension.env)"
    )


def test_all_mistakes_are_told_at_once_and_the_hint_names_the_values() -> None:
    objects = changed(named("Deployment"), ("spec", "replicas"), -1)
    objects[named("Service")]["spec"]["typo"] = 1

    with pytest.raises(GaieError) as caught:
        check_objects(objects)

    assert caught.value.message == "a cluster would refuse what is rendered: 2 mistakes"
    assert caught.value.hint == "correct inferenceExtension.replicas"


def test_a_kind_without_schema_is_a_note_and_its_metadata_is_still_checked() -> None:
    foreign = {"apiVersion": "example.com/v1", "kind": "Wizard", "metadata": {"name": "w"}}

    assert check_objects([foreign, foreign | {"metadata": {"name": "v"}}]) == [
        "Wizard.example.com is not checked: gaiectl has no schema of it"
    ]
    with pytest.raises(GaieError, match=r"1 mistake$"):
        check_objects([foreign | {"metadata": {"name": "W_"}}])


def test_an_unknown_version_of_a_known_kind_is_a_note() -> None:
    route = copy.deepcopy(OBJECTS[named("HTTPRoute")]) | {
        "apiVersion": "gateway.networking.k8s.io/v9"
    }

    assert check_objects([route]) == [
        "HTTPRoute.gateway.networking.k8s.io is not checked: known in v1, v1beta1, not in v9"
    ]


@pytest.mark.parametrize("document", [None, "text", 1, [], {}, {"kind": "Pod"}, {"metadata": 1}])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(GaieError) as caught:
        check_objects([document])

    assert caught.value.detail.startswith("an object without name: has no apiVersion or kind")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(place=st.sampled_from(PLACES), value=JSON)
@settings(max_examples=150, deadline=None)
def test_no_mutation_crashes_and_each_complaint_has_a_line(
    place: tuple[int, tuple[str | int, ...]], value: Any
) -> None:
    index, path = place
    refusal = refusal_of(changed(index, path, value))

    assert refusal is None or (refusal.hint and refusal.detail)
    assert refusal is None or all(": " in line for line in refusal.detail.splitlines())


@given(place=st.sampled_from(PLACES))
@settings(max_examples=50, deadline=None)
def test_a_field_nobody_knows_is_never_accepted(place: tuple[int, tuple[str | int, ...]]) -> None:
    index, path = place
    objects = copy.deepcopy(OBJECTS)
    target: Any = objects[index]
    for step in path:
        target = target[step]
    free = {"labels", "annotations", "data", "matchLabels", "selector", "requests", "limits"}
    free |= {"default"}  # of a HealthCheckPolicy, which may have fields that we do not know
    if isinstance(target, dict) and not (set(path) & free):
        target["zzzUnknown"] = "x"
        with pytest.raises(GaieError, match="mistake"):
            check_objects(objects)
