"""Expressions over numbers: what they are worth, and where they are wrong."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.parsing.cel import MAX_TOKENS, BadExpression, Failed, compiled

USAGE = frozenset(("usage",))
VARIABLES = {"usage": {"prompt": 7.0, "details": {"cached": 2.0}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("(1 + 2) * 3", 9),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7.0 / 2", 3.5),
        ("usage.prompt + usage.details.cached * 2", 11.0),
        ("has(usage.prompt) && !has(usage.other)", True),
        ("usage.other > 1 || true", True),
        ("usage.other > 1 && false", False),
        ("usage.prompt > 5 ? int(usage.prompt / 2) : 0", 3),
        ("true ? false ? 1 : 2 : 3", 2),
        ("'a' < 'b' && \"x\" == 'x'", True),
        ("1 == 1.0", True),
        ("int('5') + int(2.9) + int(double(1))", 8),
        ("--3", 3),
    ],
)
def test_an_expression_has_the_value_that_cel_gives_it(text: str, value: object) -> None:
    assert compiled(text, USAGE)(VARIABLES) == value


@pytest.mark.parametrize(
    "text",
    [
        *("usage.other", "usage.prompt.x", "1 / 0", "1 % 0", "usage.prompt / 0.0"),
        *("'a' + 1", "!1", "-true", "1 ? 2 : 3", "usage.other || false", "int('x')", "int(true)"),
        *("9223372036854775807 + 1", "int(1e300)", "usage + 1", "1 && true"),
    ],
)
def test_what_has_no_value_fails_and_nothing_else(text: str) -> None:
    with pytest.raises(Failed):
        compiled(text, USAGE)(VARIABLES)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "character 1: a value expected, not the end"),
        ("1 +", "character 4: a value expected, not the end"),
        ("usage.", "character 7: the name of a field expected"),
        ("tokens", "character 1: no variable 'tokens'; there is usage"),
        ("size(usage)", "character 1: no function 'size'; there are has, int, double"),
        ("has(usage)", "character 5: has() takes a field"),
        ("has(1)", "character 5: the name of a variable expected"),
        ("(1", "character 3: ')' expected, not the end"),
        ("1 2", "character 3: the end expected, not '2'"),
        ("1 ? 2", "character 6: ':' expected, not the end"),
        ("1 $ 2", "character 3: '$' is unexpected"),
        ("9223372036854775808", "character 1: 9223372036854775808 is too large"),
        ("(" * 99 + "1" + ")" * 99, "the expression is nested too deeply"),
        ("1" + "+1" * MAX_TOKENS, f"the expression has more than {MAX_TOKENS} parts"),
        ("1" * 3000, "the expression has more than 2000 characters"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, why: str) -> None:
    with pytest.raises(BadExpression) as caught:
        compiled(text, USAGE)

    assert str(caught.value) == why


@given(st.text(alphabet="usage.p 1.5e+-*/%<>=!&|?:()'\"truefalsehas,_", max_size=60))
def test_any_text_is_an_expression_or_a_mistake_and_ends(text: str) -> None:
    with contextlib.suppress(BadExpression, Failed):
        compiled(text, USAGE)(VARIABLES)
