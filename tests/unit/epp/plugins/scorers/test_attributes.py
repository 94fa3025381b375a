"""Scorers that go by an attribute, a label or the length of the prompt."""

from collections.abc import Callable
from math import inf, nan

import pytest

from epp.api.data import EndpointAttributes, Tokens, publish
from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.config import load
from epp.plugins.scorers.context_length_aware import ContextLengthAware
from epp.plugins.scorers.endpoint_attribute import (
    EndpointAttributeScorer,
    FixedRange,
    LinearScore,
    Normalization,
)
from epp.plugins.scorers.header_label_affinity import HeaderLabelAffinityScorer

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

RANGE = "llm-d.ai/context-length-range"
HIGHER = "linear_higher_is_better"
LOWER = "linear_lower_is_better"


def scores(pod: Pod, request: Request, how: LinearScore, values: list[float | None]) -> list[float]:
    pool = [pod() for _ in values]
    first = pool[0].endpoint.slot
    known = {first + i: value for i, value in enumerate(values) if value is not None}
    publish(request, "x", EndpointAttributes({"heat": known}))
    return EndpointAttributeScorer("heat", how).score(request, pool)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([20.0, 40.0, 30.0], [0.0, 1.0, 0.5]),
        ([20.0, None, 40.0], [0.0, 0.0, 1.0]),
        ([7.0, 7.0, None], [1.0, 1.0, 0.0]),
        ([nan, 1.0, 3.0], [0.0, 0.0, 1.0]),
        ([-inf, 1.0, 3.0, inf], [0.0, 0.0, 1.0, 1.0]),
        ([-1.7e308, 0.0, 1.7e308], [0.0, 0.5, 1.0]),
    ],
)
def test_an_attribute_is_placed_between_the_least_and_the_greatest(
    pod: Pod, ask: Ask, values: list[float | None], expected: list[float]
) -> None:
    assert scores(pod, ask(), LinearScore(HIGHER), values) == expected


def test_lower_can_be_better_and_the_range_can_be_fixed(pod: Pod, ask: Ask) -> None:
    fixed = Normalization(FixedRange(0, 100))

    assert scores(pod, ask(), LinearScore(LOWER), [20.0, 40.0, 25.0]) == [1.0, 0.0, 0.75]
    values = [25.0, 150.0, -3.0, None]
    assert scores(pod, ask(), LinearScore(HIGHER, fixed), values) == [0.25, 1.0, 0.0, 0.0]
    assert scores(pod, ask(), LinearScore(LOWER, fixed), values) == [0.75, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("normalization", "objection"),
    [
        (Normalization(FixedRange(1, 1)), "min must be less than max"),
        (Normalization(FixedRange(0, 1), {}), "not both"),
        (Normalization(None, {"min": 1}), "has no fields"),
    ],
)
def test_a_range_must_make_sense(normalization: Normalization, objection: str) -> None:
    with pytest.raises(ValueError, match=objection):
        EndpointAttributeScorer("heat", LinearScore(HIGHER, normalization))


def test_a_header_says_which_label_is_wanted(pod: Pod, ask: Ask) -> None:
    pool = [pod(labels={"slice": "a"}), pod(labels={"slice": "b"}), pod()]
    scorer = HeaderLabelAffinityScorer("X-Slice", "slice")

    assert scorer.score(ask(headers={"x-slice": "b"}), pool) == [0.0, 1.0, 0.0]
    assert scorer.score(ask(headers={"x-slice": ""}), pool) == [0.0, 0.0, 0.0]
    assert scorer.score(ask(), pool) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("0-2000", 0.3 + 0.7 * (0.7 / 1.2 + 0.3 * 0.5)),
        ("1000-1000", 1.0),
        (" 1000 - 1000 ", 1.0),
        ("0-500", 0.3 / 1.5),
        ("3000-4000", 0.3 / 3),
        (None, 0.5),
        ("2000-0", 0.0),
        ("-1-5", 0.0),
        ("many", 0.0),
        ("", 0.0),
        ("9" * 63, 0.0),
    ],
)
def test_a_range_scores_by_how_well_a_prompt_of_1000_tokens_fits(
    pod: Pod, ask: Ask, label: str | None, expected: float
) -> None:
    pool = [pod(labels={} if label is None else {RANGE: label})]
    request = ask()
    publish(request, "token-producer", Tokens(([1] * 1000,)))

    assert ContextLengthAware().score(request, pool) == [pytest.approx(expected)]
    assert ContextLengthAware().score(ask(prompt="x" * 4000), pool) == [pytest.approx(expected)]


def test_who_is_made_for_other_lengths_is_left_out_only_if_asked_for(pod: Pod, ask: Ask) -> None:
    labels = ({RANGE: "0-100"}, {RANGE: "100-500"}, {RANGE: "101-500"}, {RANGE: "x"}, {})
    pool = [pod(labels=each) for each in labels]
    request = ask(prompt="x" * 400)

    assert ContextLengthAware().filter(request, pool) == pool
    kept = ContextLengthAware(enable_filtering=True).filter(request, pool)
    assert [candidate.endpoint.slot for candidate in kept] == [0, 1, 4]


def test_it_filters_and_scores_where_a_profile_names_it() -> None:
    config = load(
        """
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: context-length-aware
  parameters: {enableFiltering: true}
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: context-length-aware, weight: 3}
"""
    )
    profile = config.profiles["default"]
    plugin = config.instances[0].plugin

    assert profile.filters == (plugin,)
    assert profile.scorers == ((plugin, 3.0),)
    assert config.warnings == ()
