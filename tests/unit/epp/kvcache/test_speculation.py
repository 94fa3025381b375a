import pytest

from epp.kvcache import speculation
from epp.kvcache.speculation import Speculation


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_was_sent_counts_for_its_time_only() -> None:
    clock = Clock()
    made = Speculation(2.0, clock)
    made.sent(0, [10, 20])
    made.sent(3, [10])

    assert dict(made.holders()) == {10: 0b1001, 20: 0b1}

    clock.now += 1.9
    made.sent(0, [10])
    clock.now += 0.2

    assert dict(made.holders()) == {10: 0b1}

    clock.now += 2

    assert dict(made.holders()) == {}
    assert not made._until
    assert not made._sent


def test_an_endpoint_that_is_gone_is_forgotten() -> None:
    made = Speculation(2.0, Clock())
    made.sent(0, [10])
    made.sent(1, [10, 20])
    made.forget(1)

    assert dict(made.holders()) == {10: 1}


def test_very_much_at_once_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speculation, "MAX_BLOCKS", 10)
    made = Speculation(2.0, Clock())
    for number in range(100):
        made.sent(0, [number, 1000 + number])

    assert len(made.holders()) == 10
    assert 99 in made.holders()
