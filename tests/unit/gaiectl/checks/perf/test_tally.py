"""Rates are of the time in which the load was full, and nothing is counted twice or lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.checks.perf.load import Step
from gaiectl.checks.perf.sample import Sample
from gaiectl.checks.perf.tally import Tally


@given(st.integers(1, 20), st.floats(0.01, 10), st.integers(1, 20))
def test_a_closed_loop_of_equal_answers_has_littles_rate(
    workers: int, seconds: float, rounds: int
) -> None:
    tally = Tally(Step(workers))
    for number in range(workers * rounds):
        now = (number // workers + 1) * seconds
        tally.add(Sample(seconds=seconds, tokens_out=5), now)
    result = tally.close(rounds * seconds)

    assert result.requests_rate == pytest.approx(workers / seconds)
    assert result.tokens_out_rate == pytest.approx(5 * workers / seconds)


@given(st.floats(0.1, 5), st.floats(0.1, 50))
def test_stragglers_change_no_rate(begin: float, late: float) -> None:
    """Two clients answer in a second each; one begins its last request earlier than the other."""
    tally = Tally(Step(2))
    for now in (1.0, 2.0, 3.0, 4.0):
        tally.add(Sample(seconds=1.0), now)
    tally.ease_off(4.0)
    # Of this one, a part of what one client does lies within the four seconds.
    tally.add(Sample(seconds=begin + late), 4.0 + late)
    result = tally.close(4.0 + late)

    assert result.seconds == 4.0
    assert result.requests_rate == pytest.approx((4 + begin / (begin + late)) / 4)


@given(st.lists(st.sampled_from(["", "429", "timeout"]), max_size=50))
def test_every_request_is_a_success_or_a_failure_of_one_class(fates: list[str]) -> None:
    tally = Tally(Step(1))
    for fate in fates:
        tally.add(Sample(seconds=0.1, failure=fate, said=f"it was {fate}"), 1.0)
    result = tally.close(1.0)

    assert result.begun == len(fates) == result.succeeded + result.failures.total()
    assert result.whole.count == result.succeeded == sum(result.endpoints.values())
    assert set(result.said) == set(fates) - {""}


def test_servers_that_call_themselves_something_else_each_time_take_no_memory() -> None:
    tally = Tally(Step(1))
    for number in range(5000):
        tally.add(Sample(seconds=0.1, endpoint=f"pod-{number}"), 1.0)
    result = tally.close(1.0)

    assert len(result.endpoints) <= 1001
    assert sum(result.endpoints.values()) == 5000
