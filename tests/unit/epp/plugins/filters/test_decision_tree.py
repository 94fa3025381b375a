from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from epp.api.endpoint import Candidate
from epp.api.plugin import Instance
from epp.api.request import Request
from epp.config import ConfigError, load
from epp.plugins.filters.decision_tree import Branch, DecisionTreeFilter

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
REF = Branch


@dataclass(frozen=True)
class Below:
    """Keeps who has fewer requests waiting."""

    limit: int

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        return [c for c in candidates if c.waiting < self.limit]


def connected(tree: DecisionTreeFilter, **others: Any) -> DecisionTreeFilter:
    instances = {name: Instance(name, "test", part) for name, part in others.items()}
    assert tree.connect("tree", {**instances, "tree": Instance("tree", "tree", tree)}) == ""
    return tree


TREES: Mapping[str, tuple[DecisionTreeFilter, list[int]]] = {
    "alone": (DecisionTreeFilter(REF("few")), [1]),
    "alone, none": (DecisionTreeFilter(REF("none")), []),
    "success passes on what is kept": (DecisionTreeFilter(REF("some"), REF("none")), []),
    "failure passes on everything": (
        DecisionTreeFilter(REF("none"), next_on_failure=REF("some")),
        [1, 5],
    ),
    "failure does not follow a success": (
        DecisionTreeFilter(REF("some"), next_on_failure=REF("few")),
        [1, 5],
    ),
    "either": (DecisionTreeFilter(REF("none"), next_on_success_or_failure=REF("few")), [1]),
    "nested": (
        DecisionTreeFilter(
            REF(
                decision_tree={
                    "current": {"pluginRef": "none"},
                    "nextOnFailure": {"pluginRef": "none"},
                }
            ),
            next_on_failure=REF(decision_tree={"current": {"pluginRef": "few"}}),
        ),
        [1],
    ),
}


@pytest.mark.parametrize("case", TREES)
def test_what_follows_depends_on_what_was_kept(pod: Pod, ask: Ask, case: str) -> None:
    tree, expected = TREES[case]
    connected(tree, none=Below(0), few=Below(2), some=Below(6))
    pool = [pod(queue=1), pod(queue=5), pod(queue=9)]

    assert [candidate.waiting for candidate in tree.filter(ask(), pool)] == expected


@pytest.mark.parametrize(
    ("tree", "objection"),
    [
        ("{current: {pluginRef: missing}}", "no plugin is named 'missing'"),
        ("{current: {pluginRef: queue-scorer}}", "'queue-scorer' is no filter"),
        ("{current: {pluginRef: other}}", "the trees run each other: "),
        ("{current: {pluginRef: tree}}", "the trees run each other: tree -> tree"),
        ("{current: {}}", "a branch is an object with either pluginRef or decisionTree"),
        (
            "{current: {pluginRef: low, decisionTree: {current: {pluginRef: low}}}}",
            "a branch is an object with either pluginRef or decisionTree",
        ),
        ("{current: {decisionTree: {next: 1}}}", "a decisionTree is an object with current"),
        (
            "{current: {decisionTree: {current: {pluginRef: low}, then: {}}}}",
            "'then' is no field of a decisionTree",
        ),
        (
            "{current: {pluginRef: low}, nextOnFailure: {}, nextOnSuccessOrFailure: {}}",
            "nextOnSuccessOrFailure stands for the other two",
        ),
        ("{nextOnSuccess: {pluginRef: low}}", "field 'current' is missing"),
    ],
)
def test_a_tree_that_cannot_grow_is_refused(tree: str, objection: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(
            f"""{HEAD}
plugins:
- {{type: queue-scorer}}
- {{type: low-queue-filter, name: low}}
- type: decision-tree-filter
  name: other
  parameters: {{current: {{pluginRef: tree}}}}
- type: decision-tree-filter
  name: tree
  parameters: {tree}
"""
        )

    assert objection in str(refused.value)


def test_a_tree_can_be_deep_but_not_endless() -> None:
    tree: dict[str, Any] = {"current": {"pluginRef": "low"}}
    for _ in range(20):
        tree = {"current": {"decisionTree": tree}}
    DecisionTreeFilter(Branch(decision_tree=tree))
    for _ in range(20):
        tree = {"current": {"decisionTree": tree}}

    with pytest.raises(ValueError, match="deeper than 32"):
        DecisionTreeFilter(Branch(decision_tree=tree))
