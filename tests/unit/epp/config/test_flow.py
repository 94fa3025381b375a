"""``flowControl``, ``saturationDetector`` and the gate: what a configuration says is what runs."""

from typing import Any

import pytest

from epp.api.errors import ConfigError
from epp.api.parameters import Seconds
from epp.config.loader import Config, load
from epp.flowcontrol.controller import FlowSettings
from epp.plugins.flow.edf import EdfOrderingPolicy
from epp.plugins.flow.fcfs import FcfsOrderingPolicy
from epp.plugins.flow.global_strict import GlobalStrictFairnessPolicy
from epp.plugins.flow.priority_holdback import PriorityHoldbackPolicy
from epp.plugins.flow.priority_then_time_eviction_order import PriorityThenTimeEvictionOrderPolicy
from epp.plugins.flow.round_robin import RoundRobinFairnessPolicy
from epp.plugins.flow.sheddable_eviction import SheddableEvictionFilter
from epp.plugins.flow.static_usage_limit import StaticUsageLimitPolicy
from epp.plugins.saturation.concurrency import ConcurrencyDetector
from epp.plugins.saturation.utilization import UtilizationDetector

GAIE = "inference.networking.x-k8s.io/v1alpha1"
LLM_D = "llm-d.ai/v1alpha1"
GATE = "featureGates: [flowControl]\n"
VARIABLE = "ENABLE_EXPERIMENTAL_FLOW_CONTROL_LAYER"


def read(text: str, group: str = GAIE, **arguments: Any) -> Config:
    head = f"apiVersion: {group}\nkind: EndpointPickerConfig\n"
    plugins = "" if "plugins:" in text else "plugins: [{type: queue-scorer}]\n"
    return load(head + plugins + text, "c.yaml", **arguments)


def flow(text: str, group: str = GAIE) -> FlowSettings:
    settings = read(GATE + text, group).flow
    assert settings is not None
    return settings


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


def test_without_the_gate_nothing_waits_whatever_is_written() -> None:
    config = read("flowControl: {defaultPriorityBand: {fairnessPolicyRef: nobody}}\n")

    assert config.flow is None
    assert [w.message for w in config.warnings] == ["has no effect: its feature gate is off"]


@pytest.mark.parametrize(
    ("value", "is_on"), [("true", True), ("1", True), ("T", True), ("no", False), ("", False)]
)
def test_the_environment_opens_the_gate_too(value: str, is_on: bool) -> None:
    config = read("flowControl: {}\n", environment={VARIABLE: value})

    assert (config.flow is not None) == is_on
    assert bool(config.warnings) == (not is_on)


@pytest.mark.parametrize(
    ("group", "ttl", "requests", "tells"), [(GAIE, 0.0, 0, False), (LLM_D, 60.0, 5000, True)]
)
def test_the_defaults_are_those_of_the_api_group(
    group: str, ttl: float, requests: int, tells: bool
) -> None:
    settings = flow("", group)

    assert (settings.ttl, settings.no_endpoint_ttl) == (ttl, ttl)
    assert (settings.max_bytes, settings.max_requests) == (0, 0)
    assert settings.tells_empty_pool is tells
    assert settings.eviction is None
    assert settings.usage_limits == StaticUsageLimitPolicy()
    assert settings.bands == {}
    for band in (settings.other, settings.other_negative):
        assert (band.max_bytes, band.max_requests) == (10**9, requests)
        assert band.fairness == GlobalStrictFairnessPolicy()
        assert band.ordering == FcfsOrderingPolicy()


def test_every_field_reaches_its_place() -> None:
    settings = flow(
        """\
plugins:
- type: queue-scorer
- {type: round-robin-fairness-policy, name: turns}
- type: edf-ordering-policy
- {type: priority-holdback-policy, parameters: {minCeiling: 0.5}}
flowControl:
  maxBytes: 2Gi
  maxRequests: 1k
  defaultRequestTTL: 5s
  noEndpointRequestTTL: 2m
  defaultPriorityBand: {maxBytes: 1Mi, maxRequests: 7, orderingPolicyRef: edf-ordering-policy}
  defaultNegativePriorityBand: {maxRequests: 3}
  priorityBands:
  - {priority: 10, fairnessPolicyRef: turns, orderingPolicyRef: fcfs-ordering-policy}
  - {priority: -4, maxBytes: 0}
  usageLimitPolicyPluginRef: priority-holdback-policy
  enableEviction: true
"""
    )

    assert (settings.max_bytes, settings.max_requests) == (2 * 1024**3, 1000)
    assert (settings.ttl, settings.no_endpoint_ttl) == (5.0, 120.0)
    assert (settings.other.max_bytes, settings.other.max_requests) == (1024**2, 7)
    assert settings.other.ordering == EdfOrderingPolicy()
    assert settings.other_negative.max_requests == 3
    assert settings.other_negative.ordering == FcfsOrderingPolicy()
    assert list(settings.bands) == [10, -4]
    assert settings.bands[10].fairness == RoundRobinFairnessPolicy()
    assert settings.bands[-4].max_bytes == 10**9
    assert settings.usage_limits == PriorityHoldbackPolicy(0.5)
    assert settings.eviction == (SheddableEvictionFilter(), PriorityThenTimeEvictionOrderPolicy())


@pytest.mark.parametrize(
    ("text", "ttls"),
    [
        ("defaultRequestTTL: 5s", (5.0, 5.0)),
        ("noEndpointRequestTTL: 5s", (60.0, 5.0)),
        ("defaultRequestTTL: 0s", (0.0, 0.0)),
        ("{defaultRequestTTL: 9s, noEndpointRequestTTL: 0s}", (9.0, 0.0)),
    ],
)
def test_the_limit_without_endpoints_follows_the_other_one(
    text: str, ttls: tuple[float, float]
) -> None:
    body = text if text.startswith("{") else f"{{{text}}}"
    settings = flow(f"flowControl: {body}\n", LLM_D)

    assert (settings.ttl, settings.no_endpoint_ttl) == ttls


def test_all_mistakes_are_told_with_their_places() -> None:
    told = problems(
        GATE
        + """\
flowControl:
  maxBytes: -1
  defaultRequestTTL: -1s
  defaultPriorityBand: {fairnessPolicyRef: round-robin-fairness-polcy}
  priorityBands:
  - {priority: 1, orderingPolicyRef: queue-scorer}
  - {priority: 1}
  usageLimitPolicyPluginRef: queue-scorer
saturationDetector: {pluginRef: queue-scorer}
"""
    )

    assert [line.split(" (")[0] for line in told] == [
        "c.yaml:6:13: flowControl.maxBytes: -1 is out of range",
        "c.yaml:7:22: flowControl.defaultRequestTTL: -1s is out of range",
        (
            "c.yaml:8:44: flowControl.defaultPriorityBand.fairnessPolicyRef: "
            "no plugin is named 'round-robin-fairness-polcy'"
        ),
        (
            "c.yaml:10:38: flowControl.priorityBands[0].orderingPolicyRef: "
            "'queue-scorer' is a scorer and no ordering policy"
        ),
        "c.yaml:11:16: flowControl.priorityBands[1].priority: priority 1 is given twice",
        (
            "c.yaml:12:30: flowControl.usageLimitPolicyPluginRef: "
            "'queue-scorer' is a scorer and no usage limit policy"
        ),
        (
            "c.yaml:13:33: saturationDetector.pluginRef: "
            "'queue-scorer' is a scorer and no saturation detector"
        ),
    ]


CONCURRENCY = "plugins: [{type: queue-scorer}, {type: concurrency-detector, name: mine}]\n"


@pytest.mark.parametrize(
    ("text", "name", "plugin"),
    [
        ("", "utilization-detector", UtilizationDetector()),
        (
            "saturationDetector: {queueDepthThreshold: 9, kvCacheUtilThreshold: 0.5}\n",
            "utilization-detector",
            UtilizationDetector(9, 0.5),
        ),
        (
            (
                "plugins: [{type: queue-scorer},"
                " {type: utilization-detector, parameters: {queueDepthThreshold: 3}}]\n"
            ),
            "utilization-detector",
            UtilizationDetector(3),
        ),
        (
            "saturationDetector: {pluginRef: utilization-detector}\n",
            "utilization-detector",
            UtilizationDetector(),
        ),
    ],
)
def test_the_detector_is_made_of_what_each_release_writes(
    text: str, name: str, plugin: UtilizationDetector
) -> None:
    found = read(text).detector

    assert (found.name, found.type, found.plugin) == (name, "utilization-detector", plugin)


@pytest.mark.parametrize(
    "text",
    [
        "saturationDetector: {pluginRef: mine}\n",
        "flowControl: {saturationDetector: {pluginRef: mine}}\n",
        (
            "saturationDetector: {pluginRef: nobody-is-asked}\n"
            "flowControl: {saturationDetector: {pluginRef: mine}}\n"
        ),
    ],
)
def test_the_detector_can_be_named_and_flow_control_wins(text: str) -> None:
    found = read(CONCURRENCY + text).detector

    assert (found.name, found.type) == ("mine", "concurrency-detector")
    assert isinstance(found.plugin, ConcurrencyDetector)


def test_counting_tokens_brings_who_counts_them() -> None:
    config = read(
        "plugins: [{type: queue-scorer},"
        " {type: concurrency-detector, parameters: {concurrencyMode: tokens}}]\n"
        "saturationDetector: {pluginRef: concurrency-detector}\n"
    )

    assert "inflight-load-producer" in [instance.type for instance in config.instances]


@pytest.mark.parametrize(
    ("queue", "usage", "age", "detector"),
    [
        ("9", "0.5", "1s", UtilizationDetector(9, 0.5, Seconds(1))),
        ("-1", "1.5", "-1s", UtilizationDetector()),
        ("many", "inf", "soon", UtilizationDetector()),
        ("", "", "", UtilizationDetector()),
    ],
)
def test_thresholds_of_the_environment_count_where_the_file_says_nothing(
    queue: str, usage: str, age: str, detector: UtilizationDetector
) -> None:
    environment = {
        "SD_QUEUE_DEPTH_THRESHOLD": queue,
        "SD_KV_CACHE_UTIL_THRESHOLD": usage,
        "SD_METRICS_STALENESS_THRESHOLD": age,
    }

    config = read("", environment=environment)
    assert config.detector.plugin == detector
    written = read("saturationDetector: {}\n", environment=environment)
    assert written.detector.plugin == UtilizationDetector()
    for variable, value in environment.items():
        told = [w.message for w in config.warnings if f"variable {variable} is" in w.message]
        assert len(told) == bool(value)
        unused = [w for w in written.warnings if f"variable {variable} has no eff" in w.message]
        assert len(unused) == bool(value)
    ignored = [w for w in config.warnings if "holds no threshold" in w.message]
    assert len(ignored) == (3 if queue and detector == UtilizationDetector() else 0)


def test_a_band_without_a_priority_is_that_of_priority_0() -> None:
    config = read(GATE + "flowControl: {priorityBands: [{maxBytes: 5}]}")

    assert config.flow is not None
    assert [(number, band.max_bytes) for number, band in config.flow.bands.items()] == [(0, 5)]
    assert any("without a priority" in warning.message for warning in config.warnings)
