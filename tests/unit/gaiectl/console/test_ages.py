"""How long ago something was, as kubectl writes it."""

from datetime import UTC, datetime

import pytest

from gaiectl.console.ages import age, since


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (61, "1m1s"),
        (600, "10m"),
        (3600, "1h"),
        (11400, "3h10m"),
        (86400 * 3 + 3600 * 4, "3d4h"),
        (86400 * 40, "40d"),
    ],
)
def test_two_units_are_enough(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_a_time_that_is_none_has_no_age() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert since("2026-11-22T11:59:30Z", now) == "30s"
    assert since("2026-11-22T11:59:30", now) is None
    assert since("", now) is None
