"""InferenceModels and what becomes of them mean the same to an EPP."""

import json
import re
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from epp.api.request import Request
from epp.config import ConfigError
from epp.config.convert import Converted
from epp.director.intent import Intents
from epp.discovery.kubernetes.objects import (
    PoolRef,
    priorities,
    read_objective,
    read_rewrite,
    rules_in_order,
)
from epp.metrics.recorder import EppMetrics
from gaiectl import crds, documents
from gaiectl.operations.convert_models import convert_models
from gaiectl.validation.objects import check_objects

POOL = {"name": "llm"}
PODS = """\
# Everything of the chat service.
---
# Source: llm/pool.yaml
apiVersion: inference.networking.x-k8s.io/v1alpha2
kind: InferencePool
metadata: {name:  llm}   # as it was
spec: {targetPortNumber: 8000, selector: {app: llm}, extensionRef: {name: llm-epp}}
"""
SUMMARY = """\
---
# The adapter for summaries.
apiVersion: inference.networking.x-k8s.io/v1alpha2
kind: InferenceModel
metadata:
  name: summary   # as in the dashboard
  labels: {team: "news"}
spec:
  # What clients ask for.
  modelName: "tweet-summary"
  criticality: Critical  # never refused
  poolRef:
    name: llm
  targetModels:   # a canary
    - name: tweet-summary-0  # old
      weight: 90
    # Tried since May.
    - name: tweet-summary-1
      weight: 10
"""
CONVERTED = """\
---
# The adapter for summaries.
apiVersion: inference.networking.x-k8s.io/v1alpha2
kind: InferenceObjective
metadata:
  name: summary   # as in the dashboard
  labels: {team: "news"}
spec:
  priority: 1  # never refused
  poolRef:
    group: inference.networking.k8s.io
    name: llm
---
apiVersion: inference.networking.x-k8s.io/v1alpha2
kind: InferenceModelRewrite
metadata:
  name: summary
  labels: {team: "news"}
spec:
  poolRef:
    group: inference.networking.k8s.io
    name: llm
  rules:
  - matches:
    - model:
        type: Exact
        # What clients ask for.
        value: "tweet-summary"
    targets:   # a canary
    - modelRewrite: tweet-summary-0  # old
      weight: 90
    # Tried since May.
    - modelRewrite: tweet-summary-1
      weight: 10
"""


def converted(text: str) -> Converted:
    made = convert_models(text, "old.yaml")
    assert made is not None
    return made


def model(name: str, model_name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "inference.networking.x-k8s.io/v1alpha2",
        "kind": "InferenceModel",
        "metadata": {"name": name},
        "spec": {"modelName": model_name, "poolRef": POOL, **spec},
    }


def said(made: Converted) -> str:
    return "\n".join(f"{change.line}: {change.text}" for change in (*made.changes, *made.by_hand))


def test_a_model_becomes_its_objects_with_its_comments_and_nothing_else_changes() -> None:
    made = converted(PODS + SUMMARY)

    assert made.text == PODS + CONVERTED
    assert "11: InferenceModel summary is now InferenceObjective summary, priority 1" in said(made)
    assert "only with the header x-gateway-inference-objective: summary" in said(made)
    assert "5: InferencePool llm of inference.networking.x-k8s.io/v1alpha2: create it" in said(made)
    check_objects(list(yaml.safe_load_all(CONVERTED)))


def test_what_was_converted_holds_nothing_to_convert() -> None:
    assert convert_models(converted(PODS + SUMMARY).text, "new.yaml") is None
    assert convert_models("kind: EndpointPickerConfig\n# no InferenceModel\n", "x.yaml") is None


def test_models_in_a_list_of_a_cluster_lose_what_the_server_gave_them() -> None:
    server = {
        "creationTimestamp": "2025-03-01T00:00:00Z",
        "resourceVersion": "7",
        "uid": "x",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "yes"},
    }
    listed = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "other"}}]
    listed.append(model("batch", "b", criticality="Sheddable", targetModels=[{"name": "c"}]))
    listed[1]["metadata"] |= server
    listed[1]["status"] = {"conditions": []}
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": listed})

    made = documents.load(converted(text).text)

    assert made[0] == listed[0]
    assert [one["kind"] for one in made[1:]] == ["InferenceObjective", "InferenceModelRewrite"]
    assert made[1]["spec"]["priority"] == -1
    for one in made[1:]:
        assert one["metadata"] == {"name": "batch", "annotations": {"mine": "yes"}}
        assert "status" not in one


def test_in_a_list_every_comment_stays_with_its_object_and_others_stay_as_they_are() -> None:
    other = """\
  - kind: ConfigMap  # untouched
    apiVersion: v1
    metadata: {name:  c}
    data:
      text: |
        one

        two
"""
    models = [
        f"""\
# above {number}
  -   apiVersion: inference.networking.x-k8s.io/v1alpha2
      kind: InferenceModel
      metadata:
        name: m{number} # name {number}
        annotations:
          note: |
            one

            two
      # spec {number}
      spec:
        modelName: x{number} # model {number}
        criticality: Critical # critical {number}
        poolRef:
          name: llm # pool {number}
        targetModels: # targets {number}
        - name: a # target {number}
          weight: 1
"""
        for number in range(12)
    ]
    listed = f"apiVersion: v1\nitems:\n{''.join(models)}{other}kind: List # at the end\n"

    text = converted(listed).text

    assert text.endswith(f"{other}kind: List # at the end\n")
    parts = re.split(r"^ +name: m(\d+)", text, flags=re.MULTILINE)
    for number, part in zip(parts[1::2], parts[2::2], strict=True):
        found = re.findall(r"# (?:name|spec|model|critical|pool|targets?) (\d+)", part)
        assert set(found) <= {number}
    assert sorted(re.findall("# .*", text)) == sorted(re.findall("# .*", listed))
    made = documents.load(text)
    assert len(made) == 25
    for one in made[:24]:
        assert one["metadata"]["annotations"] == {"note": "one\n\ntwo\n"}


@pytest.mark.parametrize(
    "around", ['{{"apiVersion": "v1", "kind": "List", "items": [{}]}}', "kind: List\nitems: [{}]\n"]
)
def test_json_becomes_lines_that_any_reader_takes(around: str) -> None:
    one = model("a", "yes", criticality="Critical", targetModels=[{"name": "1"}])

    made = converted(around.format(json.dumps(one))).text

    assert "{" not in made
    rewrite = documents.load(made)[1]
    assert rewrite["spec"]["rules"][0]["matches"][0]["model"]["value"] == "yes"
    assert rewrite["spec"]["rules"][0]["targets"] == [{"modelRewrite": "1"}]


def test_who_is_named_twice_is_told_and_the_oldest_counts() -> None:
    young, old = model("young", "m", criticality="Critical"), model("old", "m")
    young["metadata"]["creationTimestamp"] = "2025-03-02T00:00:00Z"
    old["metadata"]["creationTimestamp"] = "2025-03-01T00:00:00Z"

    made = converted(yaml.safe_dump_all([young, old]))

    assert [one["metadata"]["name"] for one in documents.load(made.text)] == ["old"]
    assert "InferenceModel young is left out: old, which was there before" in said(made)
    assert "header" not in said(made)
    assert "Standard is priority 0" in said(made)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("Critical", "Urgent"), "old.yaml:18:16: spec.criticality: 'Urgent' is none of Critical,"),
        (("weight: 90", "weight: 0"), "old.yaml:23:15: spec.targetModels[0].weight: 0 is below"),
        (("      weight: 90\n", ""), "old.yaml:22:5: spec.targetModels: either all models have a"),
        (("modelName", "modleName"), "spec.modleName: unknown field 'modleName'"),
        (("name: summary", "name: Sum_mary"), "old.yaml:13:9: metadata.name: 'Sum_mary' does not"),
        (("    name: llm\n", "    kind: InferencePool\n"), "spec.poolRef: field 'name' is missing"),
        (("labels: {", "labels: &a {b: *a, "), "old.yaml:14:18: alias *a has no anchor"),
        (("name: llm", "name: {{ .llm }}"), "old.yaml:20:12: a field name must be a word"),
        (("name: llm", "name: [llm"), "old.yaml:21:15: not valid YAML: "),
        (("name: llm", "name: \0"), "old.yaml:20:11: character '\\x00' is not allowed"),
        (("name: llm", "name: \udc80"), "character '\\udc80' is not allowed"),
        (("\nspec:", "\nstatus:"), "old.yaml:10:1: field 'spec' is missing"),
        (("name: llm", f"name: {'x' * (1 << 20)}"), "old.yaml: larger than 1 MiB"),
        (
            ("v1alpha2\nkind: InferenceModel", "v1\nkind: InferenceModel"),
            "old.yaml:10:13: apiVersion: InferenceModel is of inference.networking.x-k8s.io/v1al",
        ),
    ],
)
def test_what_no_cluster_took_is_refused_with_its_place(
    change: tuple[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        convert_models(PODS + SUMMARY.replace(*change), "old.yaml")


NAMES = st.sampled_from(["a", "b", "c", "d"])
TARGETS = st.lists(st.tuples(NAMES, st.integers(1, 9)), max_size=3)


@st.composite
def manifests(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        spec: dict[str, Any] = {}
        if criticality := draw(st.sampled_from(["", *crds.PRIORITIES])):
            spec["criticality"] = criticality
        if targets := draw(TARGETS):
            has_weights = draw(st.booleans())
            spec["targetModels"] = [
                {"name": name, "weight": weight} if has_weights else {"name": name}
                for name, weight in targets
            ]
        one = model(f"m{number}", draw(NAMES), **spec)
        one["metadata"]["creationTimestamp"] = f"2025-01-0{draw(st.integers(1, 9))}T00:00:00Z"
        found.append(one)
    return found


def as_before(models: list[dict[str, Any]], name: str, random: Random) -> tuple[str, int, str]:
    """Return who counted for a request of GAIE 0.5, its importance, and the model it went to."""
    mine = [one for one in models if one["spec"]["modelName"] == name]
    oldest = min(mine, key=lambda one: one["metadata"]["creationTimestamp"])
    spec: dict[str, Any] = oldest["spec"]
    targets = spec.get("targetModels") or [{"name": name}]
    weights = [target.get("weight", 1) for target in targets]
    chosen = random.choices(targets, weights)[0]["name"] if "targetModels" in spec else name
    importance = {"Critical": 1, "Sheddable": -1}.get(spec.get("criticality", ""), 0)
    return oldest["metadata"]["name"], importance, chosen


@settings(max_examples=60)
@given(manifests(), st.integers(0, 9))
def test_an_epp_decides_on_what_was_made_as_on_what_was(
    models: list[dict[str, Any]], seed: int
) -> None:
    made = documents.load(converted(yaml.safe_dump_all(models)).text)
    check_objects(made)
    objectives, rewrites = {}, {}
    for one in made:
        name = one["metadata"]["name"]
        if one["kind"] == "InferenceObjective":
            objectives[name] = read_objective(one)
        else:
            rewrites[name] = read_rewrite(one)
    refs = (PoolRef("llm", crds.GROUP),)
    intents = Intents(Random(seed))
    intents.set_priorities(priorities({n: o for n, o in objectives.items() if o}, refs))
    intents.set_rewrites(rules_in_order({n: r for n, r in rewrites.items() if r}, refs))

    before = Random(seed)
    for name in sorted({one["spec"]["modelName"] for one in models}):
        who, importance, target = as_before(models, name, before)
        request = Request("1", {}, name, name, objective=who)
        intents.apply(request, EppMetrics())
        assert (request.priority, request.target_model) == (importance, target)
