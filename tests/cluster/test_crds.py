"""The Inference APIs in a real API server: what it fills in, what it refuses, what it shows."""

from pathlib import Path
from typing import Any

import pytest

from gaiectl import assets, crds
from gaiectl.documents import Document
from machine.cluster import Cluster

STABLE = "inference.networking.k8s.io/v1"
ALPHA = "inference.networking.x-k8s.io/v1alpha2"


def _object(api: str, kind: str, spec: dict[str, Any]) -> Document:
    given = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "it"}, "spec": given}


def pool(**changes: Any) -> Document:
    """A pool with as little as possible, but for these fields of its spec; None leaves one out."""
    least = {
        "selector": {"matchLabels": {"app": "model"}},
        "targetPorts": [{"number": 8000}],
        "endpointPickerRef": {"name": "picker", "port": {"number": 9002}},
    }
    return _object(STABLE, "InferencePool", least | changes)


def picked_by(**reference: Any) -> Document:
    return pool(endpointPickerRef={"name": "picker", **reference})


def alpha_pool(**changes: Any) -> Document:
    least = {
        "selector": {"app": "model"},
        "targetPortNumber": 8000,
        "extensionRef": {"name": "picker"},
    }
    return _object(ALPHA, "InferencePool", least | changes)


def objective(**changes: Any) -> Document:
    return _object(ALPHA, "InferenceObjective", {"poolRef": {"name": "pool"}, **changes})


def rewrite(*rules: Any) -> Document:
    spec = {"poolRef": {"name": "pool"}, "rules": list(rules)}
    return _object(ALPHA, "InferenceModelRewrite", spec)


def model(**changes: Any) -> Document:
    least = {"modelName": "llama", "poolRef": {"name": "pool"}}
    return _object(ALPHA, "InferenceModel", least | changes)


def targets(*weights: int | None) -> list[dict[str, Any]]:
    """Target models with these weights."""
    return [
        {"name": f"m{i}"} if weight is None else {"name": f"m{i}", "weight": weight}
        for i, weight in enumerate(weights)
    ]


NAMES = {
    ("InferencePool", STABLE): crds.POOL,
    ("InferencePool", ALPHA): crds.ALPHA_POOL,
    ("InferenceObjective", ALPHA): crds.OBJECTIVE,
    ("InferenceModelRewrite", ALPHA): crds.MODEL_REWRITE,
    ("InferenceModel", ALPHA): crds.EARLY_MODEL,
}


def _resource(document: Document) -> str:
    return NAMES[document["kind"], document["apiVersion"]]


def _in(namespace: str, document: Document) -> Document:
    return {**document, "metadata": {**document["metadata"], "namespace": namespace}}


def _contains(found: Any, expected: Any) -> bool:
    """Tell whether everything expected is there, at its place."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and _contains(found[key], expected[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(_contains, found, expected))
    return bool(found == expected)


FILLED_IN = {
    "pool": (
        pool(),
        {
            "appProtocol": "http",
            "endpointPickerRef": {"group": "", "kind": "Service", "failureMode": "FailClose"},
        },
    ),
    "alpha pool": (
        alpha_pool(),
        {"extensionRef": {"group": "", "kind": "Service", "failureMode": "FailClose"}},
    ),
    "objective": (
        objective(),
        {"poolRef": {"group": "inference.networking.k8s.io", "kind": "InferencePool"}},
    ),
    "rewrite": (
        rewrite({"matches": [{"model": {"value": "llama"}}]}),
        {
            "poolRef": {"group": "inference.networking.k8s.io", "kind": "InferencePool"},
            "rules": [{"matches": [{"model": {"type": "Exact"}}]}],
        },
    ),
    "model": (
        model(),
        {"poolRef": {"group": "inference.networking.x-k8s.io", "kind": "InferencePool"}},
    ),
}


@pytest.mark.parametrize(("document", "expected"), FILLED_IN.values(), ids=FILLED_IN)
def test_what_is_left_out_is_filled_in(
    cluster: Cluster, namespace: str, document: Document, expected: dict[str, Any]
) -> None:
    cluster.apply([_in(namespace, document)])

    spec = cluster.get(_resource(document), "it", namespace)["spec"]

    assert _contains(spec, expected), spec


WAITING = {
    "alpha pool": (alpha_pool(), "Accepted"),
    "objective": (objective(), "Ready"),
    "rewrite": (rewrite(), "Accepted"),
    "model": (model(), "Ready"),
}


@pytest.mark.parametrize(("document", "condition"), WAITING.values(), ids=WAITING)
def test_a_status_that_no_controller_wrote_says_that_it_is_waited_for(
    cluster: Cluster, namespace: str, document: Document, condition: str
) -> None:
    cluster.apply([_in(namespace, document)])
    here = ("-n", namespace, _resource(document), "it")
    cluster.do("patch", *here, "--subresource=status", "--type=merge", '-p={"status":{}}')

    status = cluster.get(_resource(document), "it", namespace)["status"]

    (observed,) = (status["parent"][0] if "parent" in status else status)["conditions"]
    assert (observed["type"], observed["status"], observed["reason"], observed["message"]) == (
        condition,
        "Unknown",
        "Pending",
        "Waiting for controller",
    )


def test_an_alpha_pool_that_nobody_saw_has_a_placeholder_for_its_parent(
    cluster: Cluster, namespace: str
) -> None:
    cluster.apply([_in(namespace, alpha_pool())])

    (parent,) = cluster.get(crds.ALPHA_POOL, "it", namespace)["status"]["parent"]

    assert parent["parentRef"] == {
        "group": "gateway.networking.k8s.io",
        "kind": "Status",
        "name": "default",
    }


def test_a_stable_pool_that_nobody_saw_has_no_status(cluster: Cluster, namespace: str) -> None:
    cluster.apply([_in(namespace, pool())])

    assert "status" not in cluster.get(crds.POOL, "it", namespace)


TOO_LONG = "a" * 64
REFUSED = {
    "two equal ports": (
        pool(targetPorts=[{"number": 8000}, {"number": 8001}, {"number": 8000}]),
        "port numbers must be unique",
    ),
    "no port": (pool(targetPorts=[]), "spec.targetPorts in body should have at least 1 items"),
    "nine ports": (
        pool(targetPorts=[{"number": 8000 + i} for i in range(9)]),
        "spec.targetPorts: Too many: 9: must have at most 8 items",
    ),
    "port 0": (pool(targetPorts=[{"number": 0}]), "should be greater than or equal to 1"),
    "port 65536": (pool(targetPorts=[{"number": 65536}]), "should be less than or equal to 65535"),
    "a Service without port": (picked_by(), "port is required when kind is Service"),
    "a Service by name without port": (
        picked_by(kind="Service"),
        "port is required when kind is Service",
    ),
    "no name of the picker": (
        pool(endpointPickerRef={"port": {"number": 9002}}),
        "spec.endpointPickerRef.name: Required value",
    ),
    "no picker": (pool(endpointPickerRef=None), "spec.endpointPickerRef: Required value"),
    "another failure mode": (
        picked_by(port={"number": 9002}, failureMode="Retry"),
        'supported values: "FailOpen", "FailClose"',
    ),
    "a group that is no domain": (
        picked_by(port={"number": 9002}, group="Apps"),
        "spec.endpointPickerRef.group in body should match",
    ),
    "a kind that is no word": (
        picked_by(port={"number": 9002}, kind="my kind"),
        "spec.endpointPickerRef.kind in body should match",
    ),
    "another protocol": (pool(appProtocol="grpc"), 'supported values: "http", "kubernetes.io/h2c"'),
    "no labels": (
        pool(selector={"matchLabels": {}}),
        "spec.selector.matchLabels in body should have at least 1 properties",
    ),
    "a label value that is too long": (
        pool(selector={"matchLabels": {"app": TOO_LONG}}),
        "Too long: may not be more than 63 bytes",
    ),
    "65 labels": (
        pool(selector={"matchLabels": {f"l{i}": "v" for i in range(65)}}),
        "Too many: 65: must have at most 64 items",
    ),
    "no spec": (
        {"apiVersion": STABLE, "kind": "InferencePool", "metadata": {"name": "it"}},
        "spec: Required value",
    ),
    "a misspelt field": (pool(targetPort=8000), ".spec.targetPort: field not declared in schema"),
    "an alpha pool without port": (
        alpha_pool(targetPortNumber=None),
        "spec.targetPortNumber: Required value",
    ),
    "an alpha pool with a picker on port 70000": (
        alpha_pool(extensionRef={"name": "picker", "portNumber": 70000}),
        "should be less than or equal to 65535",
    ),
    "a priority that is no number": (
        objective(priority="high"),
        ".spec.priority: expected numeric",
    ),
    "an objective for no pool": (objective(poolRef=None), "spec.poolRef: Required value"),
    "a rule with an empty list of targets": (
        rewrite({"targets": []}),
        "spec.rules[0].targets in body should have at least 1 items",
    ),
    "a target of weight 0": (
        rewrite({"targets": [{"modelRewrite": "a", "weight": 0}]}),
        "should be greater than or equal to 1",
    ),
    "a target of too much weight": (
        rewrite({"targets": [{"modelRewrite": "a", "weight": 1_000_001}]}),
        "should be less than or equal to 1000000",
    ),
    "a match by pattern": (
        rewrite({"matches": [{"model": {"type": "Regex", "value": ".*"}}]}),
        'supported values: "Exact"',
    ),
    "a match of nothing": (
        rewrite({"matches": [{"model": {"value": ""}}]}),
        "spec.rules[0].matches[0].model.value in body should be at least 1 chars long",
    ),
    "weights for some models": (
        model(targetModels=targets(50, None)),
        "weights must be set for all target models or for none",
    ),
    "eleven target models": (
        model(targetModels=targets(*[1] * 11)),
        "spec.targetModels: Too many: 11: must have at most 10 items",
    ),
    "a model name that is too long": (
        model(modelName="m" * 257),
        "spec.modelName: Too long: may not be more than 256 bytes",
    ),
    "another criticality": (
        model(criticality="Low"),
        'supported values: "Critical", "Standard", "Sheddable"',
    ),
}


@pytest.mark.parametrize(("document", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_with_the_reason(
    cluster: Cluster, document: Document, reason: str
) -> None:
    assert reason in cluster.refusal(document, "default")


ACCEPTED = {
    "a picker of another kind without port": picked_by(kind="Picker", group="example.net"),
    "a picker that fails open": picked_by(port={"number": 1}, failureMode="FailOpen"),
    "eight ports": pool(targetPorts=[{"number": 65528 + i} for i in range(8)]),
    "HTTP/2": pool(appProtocol="kubernetes.io/h2c"),
    "an empty label value": pool(selector={"matchLabels": {"app": ""}}),
    "a priority below zero": objective(priority=-10),
    "a rule for every request": rewrite({"targets": [{"modelRewrite": "a"}]}),
    "weights for all models": model(targetModels=targets(1, 1_000_000)),
    "weights for no model": model(targetModels=targets(None, None)),
}


@pytest.mark.parametrize("document", ACCEPTED.values(), ids=ACCEPTED)
def test_what_makes_sense_is_accepted(cluster: Cluster, document: Document) -> None:
    assert cluster.dry_run([document], "default") == []


def test_the_name_of_a_model_stays(cluster: Cluster, namespace: str) -> None:
    cluster.apply([_in(namespace, model())])

    assert "modelName is immutable" in cluster.refusal(model(modelName="mistral"), namespace)
    cluster.apply([_in(namespace, model(criticality="Critical"))])


def test_the_condition_of_an_import_names_its_controller(cluster: Cluster, namespace: str) -> None:
    document = {
        "apiVersion": "inference.networking.x-k8s.io/v1alpha1",
        "kind": "InferencePoolImport",
        "metadata": {"name": "it", "namespace": namespace},
    }
    cluster.apply([document])

    def patch(controller: str) -> str:
        change = f'{{"status":{{"controllers":[{{"name":"{controller}"}}]}}}}'
        target = ("infpimp", "it", "-n", namespace)
        return cluster.run(
            "patch", *target, "--subresource=status", "--type=merge", f"-p={change}"
        ).stderr

    assert "should match" in patch("nobody")
    assert patch("example.net/controller") == ""


SHOWN = {
    "infpool": (pool(), ["NAME", "AGE"], ["it"]),
    "xinfpool": (alpha_pool(), ["NAME", "AGE"], ["it"]),
    "inferenceobjectives": (
        objective(priority=7),
        ["NAME", "INFERENCE POOL", "PRIORITY", "AGE"],
        ["it", "pool", "7"],
    ),
    "inferencemodelrewrites": (rewrite(), ["NAME", "INFERENCE POOL", "AGE"], ["it", "pool"]),
    "inferencemodels": (
        model(criticality="Critical"),
        ["NAME", "MODEL NAME", "INFERENCE POOL", "CRITICALITY", "AGE"],
        ["it", "llama", "pool", "Critical"],
    ),
}


@pytest.mark.parametrize(("word", "case"), SHOWN.items(), ids=SHOWN)
def test_kubectl_get_shows_the_columns(
    cluster: Cluster, namespace: str, word: str, case: tuple[Document, list[str], list[str]]
) -> None:
    document, headings, cells = case
    cluster.apply([_in(namespace, document)])

    head, row = cluster.do("get", word, "-n", namespace).splitlines()

    assert [part.strip() for part in head.split("  ") if part] == headings
    assert row.split()[: len(cells)] == cells


def test_kubectl_explains_every_kind(cluster: Cluster) -> None:
    for name in crds.ALL:
        explained = cluster.do("explain", name)

        assert "<empty>" not in explained, explained


def test_definitions_applied_again_stay_as_they_are(cluster: Cluster) -> None:
    def versions() -> str:
        return cluster.do(
            "get", "crd", *crds.ALL, "-o=jsonpath={.items[*].metadata.resourceVersion}"
        )

    before = versions()
    cluster.apply(crds.crds())

    assert versions() == before


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest) -> Path:
    return Path(request.getfixturevalue(request.param))


def test_helm_leaves_definitions_alone_that_are_there(
    cluster: Cluster, namespace: str, helm: Path
) -> None:
    chart = assets.folder("charts") / "inference-crds"

    cluster.use(helm, "install", "apis", str(chart), "-n", namespace)
    cluster.use(helm, "uninstall", "apis", "-n", namespace)

    assert cluster.do("get", "crd", *crds.ALL, "-o=name").count("\n") == len(crds.ALL)
