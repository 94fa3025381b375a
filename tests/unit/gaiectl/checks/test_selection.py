"""Checks are chosen by id, and a mistake is met with help."""

import pytest

from gaiectl.checks.catalog import ALL
from gaiectl.checks.selection import select
from gaiectl.errors import UsageError


def ids(*wanted: str) -> list[str]:
    return [check.id for check in select(ALL, wanted)]


def test_all_are_made_when_none_is_named() -> None:
    assert select(ALL, ()) == list(ALL)


def test_they_are_made_in_their_own_order() -> None:
    assert ids("spread", "models") == ["models", "spread"]


def test_an_exclamation_mark_leaves_one_out() -> None:
    assert ids("!models") == [check.id for check in ALL if check.id != "models"]
    assert ids("chat", "models", "!models") == ["chat"]


def test_a_misspelt_id_is_met_with_the_right_one() -> None:
    with pytest.raises(UsageError) as error:
        ids("prefix-afinity")

    assert error.value.hint == "did you mean prefix-affinity?"


def test_a_strange_id_is_met_with_all_there_are() -> None:
    with pytest.raises(UsageError) as error:
        ids("!zzz")

    assert "models, completion" in error.value.hint


def test_leaving_nothing_is_an_error() -> None:
    with pytest.raises(UsageError):
        ids("models", "!models")
