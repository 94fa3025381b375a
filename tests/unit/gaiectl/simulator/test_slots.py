"""Who runs and who waits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.simulator.slots import Place, QueueFull, Slots

LAW = settings(max_examples=60)


def slots(running: int = 2, waiting: int = 10, loras: int = 1) -> Slots:
    return Slots(max_running=running, max_waiting=waiting, max_loras=loras)


def test_requests_run_in_the_order_they_came() -> None:
    queue = slots(running=1)
    first, second, third = Place(), Place(), Place()
    assert [queue.enter(place) for place in (first, second, third)] == [True, False, False]

    assert queue.leave(first) == [second]
    assert queue.leave(second) == [third]


def test_a_full_queue_refuses() -> None:
    queue = slots(running=1, waiting=1)
    queue.enter(Place())
    queue.enter(Place())

    with pytest.raises(QueueFull):
        queue.enter(Place())


def test_one_adapter_too_many_waits_and_others_overtake_it() -> None:
    queue = slots(running=3, loras=1)
    first, other, same, base = Place("a"), Place("b"), Place("a"), Place()

    assert [queue.enter(place) for place in (first, other, same, base)] == [
        True, False, True, True,
    ]  # fmt: skip
    assert queue.adapters() == (["a"], ["b"])
    assert queue.leave(first) == []
    assert queue.leave(same) == [other]
    assert queue.adapters() == (["b"], [])


def test_a_request_that_gives_up_waiting_is_gone() -> None:
    queue = slots(running=1)
    first, second = Place(), Place()
    queue.enter(first)
    queue.enter(second)

    assert queue.leave(second) == []
    assert queue.leave(first) == []
    assert (queue.running, queue.waiting) == (0, 0)


@LAW
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.sampled_from(["", "a", "b", "c"]))),
    st.integers(1, 3),
    st.integers(1, 2),
)
def test_limits_hold_and_nobody_waits_without_reason(
    history: list, running: int, loras: int
) -> None:
    queue = slots(running=running, loras=loras)
    inside: list[Place] = []
    for enters, number, adapter in history:
        if enters:
            place = Place(adapter)
            try:
                queue.enter(place)
            except QueueFull:
                continue
            inside.append(place)
        elif inside:
            queue.leave(inside.pop(number % len(inside)))

        active = [place for place in inside if place.running]
        adapters = {place.adapter for place in active if place.adapter}
        assert len(active) == queue.running <= running
        assert len(adapters) <= loras
        if len(active) < running:
            blocked = [place for place in inside if not place.running]
            assert all(p.adapter not in {"", *adapters} for p in blocked)
            assert not blocked or len(adapters) == loras
