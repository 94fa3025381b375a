"""Stacks of all namespaces stand side by side where controllers for Git have theirs."""

import re

import pytest

from gaiectl.exports.repository import called
from gaiectl.plan import Plan

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def name(namespace: str, stack: str) -> str:
    return called(Plan(name=stack, namespace=namespace, path="standalone", steps=()))


def test_no_two_stacks_are_called_the_same() -> None:
    stacks = [("a-b", "c"), ("a", "b-c"), ("c", "c"), ("n" * 50, "c" * 20), ("n" * 50, "c" * 21)]
    assert len({name(*one) for one in stacks}) == len(stacks)


@pytest.mark.parametrize("length", range(44, 53))
def test_a_name_stays_one_however_long_it_would_be(length: int) -> None:
    made = name("n" * length, "c-" * 20 + "c")
    assert _NAME.fullmatch(made)
    assert len(f"{made}.crds") <= 63
