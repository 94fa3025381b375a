"""The allowance for frames of no use."""

from hypothesis import given
from hypothesis import strategies as st

from epp.transport.limits import Allowance, Limits


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    clock = Clock()
    allowance = Allowance(burst=5, rate=2.0, clock=clock)

    assert [allowance.spend() for _ in range(6)] == [True] * 5 + [False]
    clock.now = 1.5
    assert [allowance.spend() for _ in range(4)] == [True] * 3 + [False]


def test_after_a_long_silence_no_more_than_a_burst_is_allowed() -> None:
    clock = Clock()
    allowance = Allowance(burst=5, rate=100.0, clock=clock)
    clock.now = 3600.0

    assert sum(allowance.spend() for _ in range(100)) <= 10


def test_many_are_spent_together_or_not_at_all() -> None:
    allowance = Allowance(burst=5, rate=1.0, clock=Clock())

    assert not allowance.spend(6)
    assert allowance.spend(5)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20)), max_size=60))
def test_never_more_than_burst_and_rate_together(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    allowance = Allowance(burst=10, rate=4.0, clock=clock)
    spent = 0
    for pause, tries in steps:
        clock.now += pause
        spent += sum(allowance.spend() for _ in range(tries))

    assert spent <= 10 + 10 + clock.now * 4.0


def test_all_calls_of_a_full_connection_can_be_cancelled_at_once() -> None:
    limits = Limits()

    assert limits.reset_burst > limits.max_concurrent_streams
