"""Filters that choose by the labels of pods."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from epp.api.endpoint import Candidate
from epp.api.plugin import Filter
from epp.api.request import Request
from epp.plugins.filters.by_label import ByLabel
from epp.plugins.filters.decode import DecodeFilter
from epp.plugins.filters.encode import EncodeFilter
from epp.plugins.filters.label_selector import LabelSelectorFilter
from epp.plugins.filters.prefill import PrefillFilter
from epp.scheduling.labels import LabelRequirement, parse_selector

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

ROLES = (
    "encode",
    "prefill",
    "decode",
    "encode-prefill",
    "encode-decode",
    "prefill-decode",
    "encode-prefill-decode",
    "both",
    None,
    "other",
)


def kept(part: Filter, pool: Sequence[Candidate], request: Request) -> list[int]:
    return [pool.index(candidate) for candidate in part.filter(request, pool)]


@pytest.mark.parametrize(
    ("part", "roles"),
    [
        (
            EncodeFilter(),
            {"encode", "encode-prefill", "encode-decode", "encode-prefill-decode"},
        ),
        (
            PrefillFilter(),
            {"prefill", "encode-prefill", "prefill-decode", "encode-prefill-decode", "both"},
        ),
        (
            DecodeFilter(),
            {"decode", "encode-decode", "prefill-decode", "encode-prefill-decode", "both", None},
        ),
    ],
)
def test_a_role_filter_keeps_the_roles_that_include_its_stage(
    pod: Pod, ask: Ask, part: Filter, roles: set[str | None]
) -> None:
    pool = [pod(labels={"llm-d.ai/role": role} if role else {}) for role in ROLES]

    assert kept(part, pool, ask()) == [i for i, role in enumerate(ROLES) if role in roles]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"match_labels": {"tier": "gold"}}, [0]),
        ({"match_labels": {"tier": "gold", "gpu": "h100"}}, []),
        ({"match_labels": {"empty": ""}}, [1]),
        ({"match_expressions": (LabelRequirement("tier", "In", ("gold", "silver")),)}, [0, 1]),
        ({"match_expressions": (LabelRequirement("tier", "NotIn", ("gold",)),)}, [1, 2]),
        ({"match_expressions": (LabelRequirement("tier", "Exists"),)}, [0, 1]),
        ({"match_expressions": (LabelRequirement("tier", "DoesNotExist"),)}, [2]),
        (
            {
                "match_labels": {"tier": "silver"},
                "match_expressions": (LabelRequirement("empty", "DoesNotExist"),),
            },
            [],
        ),
    ],
)
def test_a_label_selector_means_what_it_means_in_kubernetes(
    pod: Pod, ask: Ask, selector: Mapping[str, object], expected: list[int]
) -> None:
    labels: list[dict[str, str]] = [{"tier": "gold"}, {"tier": "silver", "empty": ""}, {}]
    pool = [pod(labels=each) for each in labels]

    assert kept(LabelSelectorFilter(**selector), pool, ask()) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("selector", "objection"),
    [
        ({"match_labels": {"a b": "c"}}, "'a b' is not a label key"),
        ({"match_labels": {"Not.A.DNS/name": "c"}}, "is not a label key"),
        ({"match_labels": {"a": 1}}, "1 is not a label value"),
        ({"match_labels": {"a": "x" * 64}}, "is not a label value"),
        ({"match_expressions": (LabelRequirement("a", "In"),)}, "In needs values"),
        ({"match_expressions": (LabelRequirement("a", "Exists", ("b",)),)}, "takes no values"),
    ],
)
def test_a_selector_that_can_match_nothing_is_refused(
    selector: Mapping[str, object], objection: str
) -> None:
    with pytest.raises(ValueError, match=objection):
        LabelSelectorFilter(**selector)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("a=b", {"a": "b"}, True),
        ("a==b,c!=d", {"a": "b"}, True),
        ("a=b,c!=d", {"a": "b", "c": "d"}, False),
        ("a in (x, y),!z", {"a": "y"}, True),
        ("a notin (x,y)", {"a": "y"}, False),
        ("a", {}, False),
    ],
)
def test_a_selector_can_be_written_as_text(
    text: str, labels: Mapping[str, str], matches: bool
) -> None:
    assert all(requirement.is_met_by(labels) for requirement in parse_selector(text)) is matches


@pytest.mark.parametrize("text", ["", "a=b,", "a in x", "=b", "a=b=c", "a b"])
def test_a_text_that_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a label"):
        parse_selector(text)


def test_by_label_keeps_listed_values_and_if_told_so_pods_without_the_label(
    pod: Pod, ask: Ask
) -> None:
    pool = [pod(labels={"tier": "gold"}), pod(labels={"tier": "lead"}), pod()]

    assert kept(ByLabel("tier", ("gold",)), pool, ask()) == [0]
    assert kept(ByLabel("tier", ("gold",), allows_no_label=True), pool, ask()) == [0, 2]
    with pytest.raises(ValueError, match="nothing could ever be kept"):
        ByLabel("tier")
