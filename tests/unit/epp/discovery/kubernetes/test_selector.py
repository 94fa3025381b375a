"""A selector that kubectl takes is taken; others are refused with the part that is wrong."""

import pytest

from epp.discovery.kubernetes.selector import check_selector


@pytest.mark.parametrize(
    "text",
    [
        "app=vllm",
        "app==vllm,tier!=test",
        "app in (a, b),zone notin (c)",
        "app in(a)",
        "gpu, !draft , ! other",
        "example.com/role = decode",
        "a=",
        "gen>3,gen<9",
        "in=notin",
    ],
)
def test_every_form_is_taken(text: str) -> None:
    assert check_selector(f" {text} ") == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("app=vllm,", "cannot read ''"),
        ("app=a b", "cannot read 'app=a b'"),
        ("a=b,app in a", "cannot read 'app in a'"),
        ("-a=b", "cannot read '-a=b'"),
        ("a=b;c=d", "cannot read 'a=b;c=d'"),
        ("a=" + 64 * "x", "cannot read"),
    ],
)
def test_what_is_no_selector_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_selector(text)
