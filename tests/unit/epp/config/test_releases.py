"""What a configuration is to each release of an EPP."""

import pytest
import yaml
from jsonschema import Draft202012Validator

from epp.api.parameters import parameters_of
from epp.api.registry import default_registry
from epp.config import RELEASES, check, schema
from epp.config.codes import CODES
from epp.config.releases import ALPHA, PARAMETERS, SUCCESSORS, TYPES

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
GO = [name for name, release in RELEASES.items() if not release.is_own]


def found(text: str, release: str, *, head: str = HEAD) -> list[tuple[str, str, str]]:
    """Return severity, code and path of each problem."""
    problems = check(head + text, "epp.yaml", RELEASES[release])
    return [(p.severity, p.code, p.path) for p in problems if p.code != "deprecated-field"]


def errors(text: str, release: str) -> list[tuple[str, str]]:
    return [(code, path) for severity, code, path in found(text, release) if severity == "error"]


@pytest.mark.parametrize("release", RELEASES)
def test_the_configuration_of_the_charts_is_good_for_every_release(release: str) -> None:
    text = """
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: kv-cache-utilization-scorer, weight: 2}
  - {pluginRef: prefix-cache-scorer, weight: 3}
"""

    assert not found(text, release)


@pytest.mark.parametrize(
    ("text", "refused_by"),
    [
        ("plugins: [{type: fcfs-ordering-policy}]", {"gaie-1.3"}),
        ("plugins: [{type: token-load-scorer}]", {"gaie-1.3", "gaie-1.4"}),
        ("plugins: [{type: decode-filter}]", {"gaie-1.3", "gaie-1.4", "gaie-1.5"}),
        ("data: {sources: []}\nfeatureGates: []", {"gaie-1.3", "gaie-1.5", "llm-d-0.9"}),
        ("dataLayer: {sources: []}", {"gaie-1.3", "gaie-1.4"}),
        ("flowControl: {}", {"gaie-1.3"}),
        ("featureGates: [prepareDataPlugins]", {"gaie-1.5", "llm-d-0.9"}),
        ("featureGates: [flowControl=true]", {"gaie-1.3", "gaie-1.4", "gaie-1.5"}),
        ("featureGates: [enableLegacyMetrics]", {"gaie-1.3", "gaie-1.4", "llm-d-0.9"}),
        ("featureGates: [dataLayer]", {"gaie-1.3", "gaie-1.4"}),
        ("saturationDetector: {queueDepthThreshold: 3}", {"gaie-1.5", "llm-d-0.9"}),
    ],
)
def test_each_release_refuses_what_it_does_not_know(text: str, refused_by: set[str]) -> None:
    assert {release for release in GO if errors(text, release)} == refused_by
    assert errors(text, "python") == []


def test_fractions_of_weights_came_after_gaie_1_3() -> None:
    text = """
plugins: [{type: queue-scorer}]
schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer, weight: 1.5}]}]
"""
    place = "schedulingProfiles[0].plugins[0].weight"

    assert errors(text, "gaie-1.3") == [("weight-not-in-release", place)]
    assert errors(text, "gaie-1.4") == []


def test_sizes_with_suffixes_came_after_gaie_1_4() -> None:
    text = (
        "featureGates: [flowControl]\nflowControl: {maxBytes: 10k, "
        "defaultPriorityBand: {maxBytes: 1Mi}, priorityBands: [{priority: 1, maxBytes: 5}]}"
    )
    places = ["flowControl.maxBytes", "flowControl.defaultPriorityBand.maxBytes"]
    (hint, _) = [p.hint for p in check(HEAD + text, "x", RELEASES["gaie-1.4"]) if p.hint]
    value = yaml.safe_load(HEAD + text)

    assert errors(text, "gaie-1.4") == [("wrong-type", place) for place in places]
    assert hint == "write 10000"
    assert errors(text, "gaie-1.5") == errors(text, "python") == []
    assert not Draft202012Validator(schema(release=RELEASES["gaie-1.4"])).is_valid(value)
    assert Draft202012Validator(schema(release=RELEASES["gaie-1.5"])).is_valid(value)


def test_blocks_counted_in_characters_are_judged_as_each_release_does() -> None:
    old = "plugins: [{type: prefix-cache-scorer, parameters: {blockSize: 64}}]"
    both = old.replace("64", "64, blockSizeTokens: 16")
    path = "plugins[0].parameters.blockSize"

    assert errors(old, "gaie-1.3") == []
    assert errors(old, "gaie-1.4") == [("parameter-not-in-release", path)]
    assert errors(both, "gaie-1.4") == []
    assert errors(old, "gaie-1.5") == []
    for release in ("gaie-1.3", "gaie-1.5", "python"):
        assert errors(old.replace("64", "x"), release) == [("wrong-type", path)]


@pytest.mark.parametrize(
    ("kind", "parameters", "path"),
    [
        ("prefix-cache-scorer", "{strictCompatibility: true}", "strictCompatibility"),
        ("token-producer", "{local: {path: x}}", "local"),
        (
            "precise-prefix-cache-producer",
            "{tokenProcessorConfig: {useEngineHashes: true}}",
            "tokenProcessorConfig.useEngineHashes",
        ),
    ],
)
def test_parameters_that_only_this_epp_has_are_told_of_another(
    kind: str, parameters: str, path: str
) -> None:
    text = f"plugins: [{{type: {kind}, parameters: {parameters}}}, {{type: queue-scorer}}]"

    assert ("warning", "parameter-not-in-release", f"plugins[0].parameters.{path}") in found(
        text, "llm-d-0.9"
    )
    assert "parameter-not-in-release" not in {code for _, code, _ in found(text, "python")}


@pytest.mark.parametrize("release", ["gaie-1.4", "python"])
def test_unknown_parameters_of_upstreams_types_are_read_over_with_a_warning(release: str) -> None:
    text = "plugins: [{type: max-score-picker, parameters: {max: 2}}]"

    assert found(text, release) == [("warning", "parameter-ignored", "plugins[0].parameters.max")]


def test_unknown_parameters_of_our_own_types_are_mistakes() -> None:
    text = "plugins: [{type: low-queue-filter, parameters: {max: 2}}]"

    assert ("error", "unknown-field", "plugins[0].parameters.max") in found(text, "python")


def test_a_renamed_type_names_the_other_one() -> None:
    text = f"{HEAD}plugins: [{{type: core-metrics-extractor}}]"
    problem = next(p for p in check(text, "x", RELEASES["gaie-1.4"]) if p.severity == "error")

    assert problem.message == "GAIE 1.4 has no plugin type 'core-metrics-extractor'"
    assert problem.hint.startswith("use model-server-protocol-metrics; it is known to GAIE 1.5")


def test_llm_d_reads_both_groups_and_gaie_only_its_own() -> None:
    head = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n"

    assert found("", "llm-d-0.9", head=head) == []
    assert found("", "gaie-1.5", head=head) == [("error", "api-version", "apiVersion")]


def test_what_an_empty_text_stands_for_is_told_without_places() -> None:
    told = {name: [str(p) for p in check("", "x", RELEASES[name])] for name in RELEASES}
    refused = told.pop("gaie-1.3")

    assert refused == ["x: is empty, and GAIE 1.3 has no default configuration (write one)"]
    assert all(of == ["x: is empty: the default configuration counts"] for of in told.values())


def test_a_picker_that_is_used_though_no_profile_names_it_is_told() -> None:
    text = """
plugins: [{type: queue-scorer}, {type: random-picker}]
schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer}]}]
"""

    assert found(text, "python") == [("info", "no-picker", "schedulingProfiles[0]")]


@pytest.mark.parametrize("release", RELEASES)
def test_the_older_name_of_the_data_layer_is_deprecated_only_where_there_is_a_newer_one(
    release: str,
) -> None:
    text = "data: {sources: [{pluginRef: m}]}\nplugins: [{name: m, type: metrics-data-source}]"
    problems = check(HEAD + text, "epp.yaml", RELEASES[release])
    deprecated = {p.path for p in problems if p.code == "deprecated-field"}

    assert ("data" in deprecated) == (release == "python")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("flowControl: {maxRequests: 5}", "gate-needed"),
        ("plugins: [{type: by-label, parameters: {label: a}}]", "deprecated-type"),
    ],
)
def test_what_will_not_do_what_it_says_is_a_warning(text: str, code: str) -> None:
    assert ("warning", code) in [(s, c) for s, c, _ in found(text, "python")]


@pytest.mark.parametrize(
    ("weights", "codes"),
    [
        ((1, 1), set()),
        ((0, 1), {"zero-weight"}),
        ((0, 0), {"zero-weight", "all-weights-zero"}),
        ((-1, 1), {"negative-weight"}),
    ],
)
def test_weights_are_looked_at(weights: tuple[int, int], codes: set[str]) -> None:
    text = f"""
plugins: [{{type: queue-scorer}}, {{type: kv-cache-utilization-scorer}}, {{type: random-picker}}]
schedulingProfiles:
- name: default
  plugins:
  - {{pluginRef: queue-scorer, weight: {weights[0]}}}
  - {{pluginRef: kv-cache-utilization-scorer, weight: {weights[1]}}}
  - {{pluginRef: random-picker}}
"""

    assert {code for _, code, _ in found(text, "python")} == codes


def test_filters_that_keep_nothing_are_told() -> None:
    text = """
plugins:
- {name: a, type: label-selector-filter, parameters: {matchLabels: {role: decode}}}
- {name: b, type: label-selector-filter, parameters: {matchLabels: {role: prefill}}}
- type: header-based-testing-filter
- type: random-picker
schedulingProfiles:
- name: default
  plugins: [{pluginRef: a}, {pluginRef: b}, {pluginRef: header-based-testing-filter},
    {pluginRef: random-picker}]
"""

    assert {code for _, code, _ in found(text, "python")} == {"always-empty", "empties-pool"}


def test_every_code_that_is_given_is_documented() -> None:
    text = """
featureGates: [dataLayer, nope, flowControl=maybe]
plugin: 1
plugins:
- {type: queue-scorer, name: [], parameters: {a: 1}}
- {type: random-picker, parameters: {maxNumOfEndpoints: 0}}
- {type: max-score-picker}
- {type: max-score-picker}
schedulingProfiles: [{name: a, plugins: [{pluginRef: x}]}, {name: a}]
"""

    for release in RELEASES.values():
        assert {problem.code for problem in check(HEAD + text, "x", release)} <= CODES.keys()


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_each_release_has_a_schema_that_agrees_with_the_check(release: object) -> None:
    made = schema(release=release)  # type: ignore[arg-type]
    validator = Draft202012Validator(made)
    head = {"kind": "EndpointPickerConfig", "apiVersion": RELEASES["gaie-1.3"].api_versions[0]}
    Draft202012Validator.check_schema(made)

    assert validator.is_valid(head | {"plugins": [{"type": "queue-scorer"}]})
    for extra, field in (("fcfs-ordering-policy", "flowControl"), ("decode-filter", "dataLayer")):
        has_type = release.is_own or release.has_type(extra)  # type: ignore[attr-defined]
        if default_registry.get(extra) is not None:
            assert validator.is_valid(head | {"plugins": [{"type": extra}]}) == has_type
        has_field = release.has_field(field)  # type: ignore[attr-defined]
        assert validator.is_valid(head | {field: {}}) == has_field


def test_the_tables_agree_with_each_other() -> None:
    assert set(TYPES) >= ALPHA
    assert {*TYPES, *default_registry.names()} >= set(SUCCESSORS)
    assert {name for new in SUCCESSORS.values() for name in new.names} <= set(TYPES)


def test_the_tables_agree_with_the_plugins() -> None:
    for kind in default_registry:
        names = SUCCESSORS[kind.name].names if kind.name in SUCCESSORS else ("",)
        assert kind.is_alpha == (kind.name in ALPHA), kind.name
        assert kind.successor in {names[0], " and ".join(names)}, kind.name
    for type_name, name in PARAMETERS:
        known = default_registry.get(type_name)
        names = {p.name for p in parameters_of(known.cls)} if known else {name}
        assert {name, name.partition(".")[0]} & names, type_name
