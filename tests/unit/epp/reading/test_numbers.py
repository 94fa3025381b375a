"""What looks like a number is one where every reader of YAML agrees."""

import pytest

from epp.reading.source import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [("22:22", "22:22"), ("1:30.5", "1:30.5"), ("1e3", 1000.0), ("12", 12), ("'12'", "12")],
)
def test_a_time_is_a_text(text: str, value: object) -> None:
    assert parse(f"a: {text}", "file").value == {"a": value}
