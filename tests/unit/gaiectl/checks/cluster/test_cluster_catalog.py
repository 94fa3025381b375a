"""The list of checks of a cluster is complete, and its ids can be relied on."""

import pkgutil
from importlib import import_module

import pytest

from gaiectl.checks import cluster
from gaiectl.checks.cluster.catalog import ALL
from gaiectl.checks.cluster.check import CATEGORIES, Check, Stage


def test_every_module_with_checks_is_in_the_list() -> None:
    modules = [
        import_module(f"{cluster.__name__}.{m.name}")
        for m in pkgutil.iter_modules(cluster.__path__)
    ]
    assert {c for module in modules for c in getattr(module, "CHECKS", ())} == set(ALL)


def test_ids_are_letters_of_the_category_and_a_number_and_each_is_there_once() -> None:
    ids = [check.id for check in ALL]
    assert len(ids) == len(set(ids))
    for category in CATEGORIES:
        numbers = [int(one[3:]) for one in ids if one.startswith(category)]
        assert numbers == list(range(1, len(numbers) + 1)), category
    assert [one[:3] for one in ids] == sorted((one[:3] for one in ids), key=list(CATEGORIES).index)


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_every_check_says_what_it_proves_and_when_it_is_made(check: Check) -> None:
    assert check.title[0].islower()
    assert check.proves
    assert check.stages
    assert check.hint or check.id == "KUB004"  # which makes its own, with the rules that lack


@pytest.mark.parametrize("stage", Stage)
def test_what_a_check_needs_is_made_before_it(stage: Stage) -> None:
    seen: set[str] = set()
    for check in ALL:
        if stage in check.stages:
            assert set(check.needs) <= seen, check.id
            seen.add(check.id)
