"""What a configuration that can be used becomes, defaults included."""

from pathlib import Path
from typing import Any

import pytest

from epp.config import DEFAULT_TEXT, Config, Saturation, load, load_file
from epp.plugins.discovery.file import FileDiscovery
from epp.plugins.pickers.max_score import MaxScorePicker
from epp.plugins.pickers.weighted_random import WeightedRandomPicker
from epp.plugins.profile_handlers.single import SingleProfileHandler
from epp.plugins.scorers.kv_cache_utilization import KvCacheUtilizationScorer
from epp.plugins.scorers.lora_affinity import LoraAffinityScorer
from epp.plugins.scorers.prefix_cache import PrefixCacheScorer
from epp.plugins.scorers.queue import QueueScorer

VALID = Path(__file__).parent / "valid"
HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"


def valid(name: str) -> Config:
    return load_file(VALID / name)


def names(config: Config) -> list[str]:
    return [instance.name for instance in config.instances]


def weights(config: Config, profile: str = "default") -> list[tuple[type[Any], float]]:
    return [(type(scorer), weight) for scorer, weight in config.profiles[profile].scorers]


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "---\n", DEFAULT_TEXT])
def test_an_empty_text_stands_for_the_default_configuration(text: str) -> None:
    config = load(text)

    assert weights(config) == [
        (QueueScorer, 2.0),
        (KvCacheUtilizationScorer, 2.0),
        (PrefixCacheScorer, 3.0),
    ]
    assert config.profiles["default"].picker == MaxScorePicker(1)
    assert config.handler == SingleProfileHandler()
    assert config.discovery is None
    assert config.saturation == Saturation(5, 0.8, config.saturation.metrics_staleness_threshold)
    assert config.saturation.metrics_staleness_threshold == 0.2
    assert config.feature_gates == frozenset()
    assert config.warnings == ()


def test_without_profiles_one_uses_every_plugin_with_weight_1() -> None:
    config = valid("default-profile.yaml")

    assert list(config.profiles) == ["default"]
    assert weights(config) == [
        (QueueScorer, 1.0),
        (KvCacheUtilizationScorer, 1.0),
        (LoraAffinityScorer, 1.0),
    ]
    assert config.profiles["default"].picker == MaxScorePicker(1)


def test_what_is_added_by_default_comes_after_what_the_file_lists() -> None:
    assert names(valid("default-profile.yaml")) == [
        "queue-scorer",
        "kv-cache-utilization-scorer",
        "lora-affinity-scorer",
        "max-score-picker",
        "single-profile-handler",
    ]


def test_every_field_reaches_its_place() -> None:
    config = valid("everything.yaml")
    prefix = next(i.plugin for i in config.instances if i.name == "prefix")

    assert [(i.name, i.type) for i in config.instances][:3] == [
        ("best-two", "max-score-picker"),
        ("queue-scorer", "queue-scorer"),
        ("prefix", "prefix-cache-scorer"),
    ]
    assert config.profiles["only"].picker == MaxScorePicker(2)
    assert [weight for _, weight in weights(config, "only")] == [1.0, 2.5, 1.0]
    assert isinstance(prefix, PrefixCacheScorer)
    assert (prefix.auto_tune, prefix.block_size_tokens) == (False, 32)
    assert (prefix.max_prefix_blocks_to_match, prefix.lru_capacity_per_server) == (128, 1000)
    assert config.discovery is not None
    assert config.discovery.plugin == FileDiscovery("endpoints.yaml", watch_file=True)
    assert config.saturation.queue_depth_threshold == 8
    assert config.saturation.metrics_staleness_threshold == 60.5
    assert config.feature_gates == {"prepareDataPlugins"}


def test_json_is_read_too() -> None:
    config = valid("json.json")

    assert weights(config) == [(QueueScorer, 10.0)]
    assert config.profiles["default"].picker == WeightedRandomPicker(3)


def test_the_first_picker_of_the_file_serves_a_profile_that_names_none() -> None:
    config = load(
        HEAD
        + """
plugins:
- {name: three, type: max-score-picker, parameters: {maxNumOfEndpoints: 3}}
- {type: random-picker}
- {type: queue-scorer}
schedulingProfiles:
- name: default
  plugins: [{pluginRef: queue-scorer}]
"""
    )

    assert config.profiles["default"].picker == MaxScorePicker(3)
    (warning,) = config.warnings
    assert (warning.line, warning.path) == (6, "plugins[1]")
    assert warning.message == "no profile uses 'random-picker'"


def test_a_picker_may_stand_before_a_scorer_without_weight() -> None:
    config = load(HEAD + "plugins: [{type: random-picker}, {type: queue-scorer}]")

    assert weights(config) == [(QueueScorer, 1.0)]


def test_a_default_plugin_takes_another_name_when_its_own_is_taken() -> None:
    config = load(HEAD + "plugins: [{type: queue-scorer, name: max-score-picker}]")

    assert names(config)[:2] == ["max-score-picker", "max-score-picker-default"]
    assert config.profiles["default"].picker == MaxScorePicker(1)


@pytest.mark.parametrize(
    ("profile", "warning"),
    [
        (
            "- {pluginRef: random-picker, weight: 2}",
            "'random-picker' is a picker: its weight has no effect",
        ),
        (
            "- {pluginRef: single-profile-handler}",
            "'single-profile-handler' is a profile handler: it does nothing in a profile",
        ),
        (
            "- {pluginRef: queue-scorer}\n  - {pluginRef: queue-scorer}",
            "profile 'default' uses 'queue-scorer' twice",
        ),
        ("- {pluginRef: queue-scorer}", "'file-discovery' is not in use"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(profile: str, warning: str) -> None:
    config = load(
        f"""{HEAD}
plugins:
- type: queue-scorer
- type: random-picker
- type: single-profile-handler
- type: file-discovery
  parameters: {{path: endpoints.yaml}}
schedulingProfiles:
- name: default
  plugins:
  {profile}
"""
    )

    assert warning in [problem.message for problem in config.warnings]


def test_each_load_makes_plugins_of_its_own() -> None:
    first, second = load(""), load("")

    assert not {id(i.plugin) for i in first.instances} & {id(i.plugin) for i in second.instances}


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("200ms", 0.2), ("1m30s", 90), ("1.5h", 5400), (".5s", 0.5), ("+3us", 3e-6), ("7ns", 7e-9)],
)
def test_durations_are_written_as_in_go(written: str, seconds: float) -> None:
    config = load(f"{HEAD}saturationDetector: {{metricsStalenessThreshold: {written}}}")

    assert config.saturation.metrics_staleness_threshold == pytest.approx(seconds)


def test_null_counts_as_not_given_as_it_does_in_go() -> None:
    config = load(
        f"{HEAD}plugins:\n- {{type: queue-scorer, name: , parameters: }}\n"
        "- {type: random-picker, parameters: {maxNumOfEndpoints: }}\n"
        "schedulingProfiles:\n"
        "- {name: default, plugins: [{pluginRef: queue-scorer, weight: }]}\n"
        "saturationDetector:\nflowControl: {maxBytes: }\n"
    )

    assert weights(config) == [(QueueScorer, 1.0)]


def test_merge_keys_are_read_as_by_all_of_kubernetes() -> None:
    config = load(
        f"{HEAD}plugins:\n- &one {{type: max-score-picker, parameters: {{maxNumOfEndpoints: 2}}}}\n"
        "- {<<: *one, name: other}\n"
        "schedulingProfiles: [{name: default, plugins: [{pluginRef: other}]}]"
    )

    assert config.profiles["default"].picker == MaxScorePicker(2)


def test_names_of_parameters_count_in_any_case_with_a_warning() -> None:
    config = load(
        f"{HEAD}plugins: [{{type: max-score-picker, parameters: {{MaxNumOfEndpoints: 2}}}}]"
    )

    assert config.profiles["default"].picker == MaxScorePicker(2)
    (warning,) = config.warnings
    assert warning.message == "'MaxNumOfEndpoints' is taken for 'maxNumOfEndpoints'"


def test_a_parameter_in_its_own_case_wins_over_another_one() -> None:
    both = "{maxnumofendpoints: 3, maxNumOfEndpoints: 2}"
    config = load(f"{HEAD}plugins: [{{type: max-score-picker, parameters: {both}}}]")

    assert config.profiles["default"].picker == MaxScorePicker(2)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("disagg-profile-handler", "primaryPort"), ("session-id-producer", "lruSize")],
)
def test_what_upstream_reads_over_is_no_reason_to_stop(kind: str, name: str) -> None:
    config = load(
        f"{HEAD}plugins: [{{type: {kind}, parameters: {{{name}: 5}}}}, {{type: queue-scorer}}]\n"
        "schedulingProfiles: [{name: decode, plugins: [{pluginRef: queue-scorer}]}]"
    )

    assert [w.code for w in config.warnings if name in w.message] == ["parameter-ignored"]


def test_the_scorer_of_gaie_0_5_is_known_by_its_old_name() -> None:
    config = load(f"{HEAD}plugins: [{{type: kv-cache-scorer}}]")

    assert weights(config) == [(KvCacheUtilizationScorer, 1.0)]
    assert [warning.code for warning in config.warnings] == ["deprecated-type"]
