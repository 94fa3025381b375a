"""Which faults are on, for how long, and whom they hit."""

import random

import pytest

from gaiectl.simulator.faults import Faults


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faults(clock: Clock) -> Faults:
    return Faults(clock=clock, rng=random.Random(1))


def names(faults: Faults) -> list[str]:
    return [fault["name"] for fault in faults.report()["active"]]  # type: ignore[index]


def test_a_fault_lasts_until_it_is_switched_off(faults: Faults, clock: Clock) -> None:
    faults.switch_on("stall")
    clock.now += 1e6
    assert faults.hits("stall")

    faults.switch_off("stall")
    assert not faults.hits("stall")


def test_a_fault_with_a_time_ends_by_itself(faults: Faults, clock: Clock) -> None:
    faults.switch_on("stall", seconds=10)
    clock.now += 4
    assert faults.report()["active"] == [{"name": "stall", "remainingSeconds": 6, "rate": 100}]

    clock.now += 6
    assert names(faults) == []


def test_all_faults_can_be_switched_off_together(faults: Faults) -> None:
    faults.switch_on("stall")
    faults.switch_on("metrics-500")
    faults.switch_off()

    assert names(faults) == []


def test_a_rate_hits_that_share_of_requests(faults: Faults) -> None:
    faults.switch_on("reset-before-headers", rate=25)

    assert 200 < sum(faults.hits("reset-before-headers") for _ in range(1000)) < 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "stal"}, "did you mean stall?"),
        ({"name": "stall", "seconds": 0}, "'for'"),
        ({"name": "stall", "seconds": -3}, "'for'"),
        ({"name": "stall", "rate": 101}, "'rate'"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(
    faults: Faults, arguments: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        faults.switch_on(**arguments)
    assert names(faults) == []


def test_flapping_changes_each_second(faults: Faults, clock: Clock) -> None:
    assert not faults.flapped_down()
    faults.switch_on("not-ready-flapping")
    seen = []
    for _ in range(4):
        seen.append(faults.flapped_down())
        clock.now += 1

    assert seen == [True, False, True, False]
