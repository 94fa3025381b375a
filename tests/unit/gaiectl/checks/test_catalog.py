"""The list of checks is complete and each one explains itself."""

import importlib
import pkgutil

import pytest

from gaiectl.checks import catalog
from gaiectl.checks.catalog import ALL
from gaiectl.checks.check import Check


def test_every_module_of_the_catalog_is_a_check_in_the_list() -> None:
    modules = {module.name for module in pkgutil.iter_modules(catalog.__path__)}

    assert {check.id.replace("-", "_") for check in ALL} == modules
    for name in modules:
        assert importlib.import_module(f"{catalog.__name__}.{name}").CHECK in ALL


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_every_check_says_what_it_proves_and_what_to_look_at(check: Check) -> None:
    assert check.title
    assert check.proves
    assert len(check.hint) > 20


def test_what_disturbs_the_stack_comes_last() -> None:
    disturbing = [check.disturbs for check in ALL]

    assert disturbing == sorted(disturbing)


def test_a_check_comes_after_those_it_needs() -> None:
    seen: set[str] = set()
    for check in ALL:
        assert set(check.needs) <= seen
        seen.add(check.id)


def test_categories_stand_together() -> None:
    categories = [check.category for check in ALL]

    assert len([a for a, b in zip(categories, [*categories[1:], None], strict=True) if a != b]) == (
        len(set(categories))
    )
