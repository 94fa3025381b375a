from collections.abc import Callable
from typing import ClassVar

import pytest

from epp.api.flow import Flow
from epp.api.request import Request
from epp.flowcontrol.bands import MOST_FLOWS
from epp.flowcontrol.controller import BAND_IDLE_SECONDS, Blocked, FlowController
from epp.flowcontrol.outcomes import Outcome
from epp.flowcontrol.queue import Waiting
from epp.flowcontrol.turns import RoundRobin
from epp.plugins.flow.priority_holdback import PriorityHoldbackPolicy
from epp.plugins.flow.round_robin import RoundRobinFairnessPolicy

Ask = Callable[..., Request]
Make = Callable[..., FlowController]


def names(flows: FlowController, count: int, saturation: float = 0.0) -> str:
    chosen = [flows.next(saturation, 0.0) for _ in range(count)]
    return "".join(w.flow.fairness_id for w in chosen if isinstance(w, Waiting))


def test_without_fairness_requests_go_in_the_order_of_arrival_whatever_their_flow(
    ask: Ask, controller: Make
) -> None:
    flows = controller()
    for name in "abbac":
        flows.join(ask(flow=name), 0.0, 0.0)

    assert names(flows, 5) == "abbac"


def test_flows_take_turns_by_name_and_a_new_one_joins_at_its_place(
    ask: Ask, controller: Make
) -> None:
    flows = controller(RoundRobinFairnessPolicy())
    for name in "aaaccc":
        flows.join(ask(flow=name), 0.0, 0.0)
    first = names(flows, 1)
    flows.join(ask(flow="b"), 0.0, 0.0)

    assert first + names(flows, 6) == "abcacac"


def test_a_higher_band_that_must_wait_keeps_lower_ones_waiting(ask: Ask, controller: Make) -> None:
    flows = controller()
    flows.join(ask(priority=0), 0.0, 0.0)
    flows.join(ask(priority=3), 0.0, 0.0)
    blocked = flows.next(1.0, 0.0)

    assert isinstance(blocked, Blocked)
    assert (blocked.priority, blocked.ceiling) == (3, 1.0)


def test_a_lower_band_is_held_back_while_a_higher_one_without_requests_could_go(
    ask: Ask, controller: Make
) -> None:
    flows = controller(usage_limits=PriorityHoldbackPolicy(0.5))
    flows.join(ask(priority=3), 0.0, 0.0)
    flows.join(ask(priority=0), 0.0, 0.0)
    first, second = flows.next(0.7, 0.0), flows.next(0.7, 0.0)

    assert isinstance(first, Waiting)
    assert isinstance(second, Blocked)
    assert (second.priority, second.ceiling) == (0, 0.5)
    assert flows.ceiling(3, 0.7) == 1.0


def test_requests_without_bytes_fit_into_any_number_of_bytes(ask: Ask, controller: Make) -> None:
    flows = controller(band_bytes=10, max_bytes=15)
    flows.join(ask(size=10), 0.0, 0.0)

    assert flows.join(ask(size=1), 0.0, 0.0) is Outcome.REJECTED_CAPACITY
    assert isinstance(flows.join(ask(size=0), 0.0, 0.0), Waiting)
    assert flows.join(ask(size=6, priority=1), 0.0, 0.0) is Outcome.REJECTED_CAPACITY
    assert isinstance(flows.join(ask(size=5, priority=1), 0.0, 0.0), Waiting)


@pytest.mark.parametrize(
    ("tells", "outcomes"),
    [
        (False, (Outcome.REJECTED_CAPACITY, Outcome.EVICTED_TTL)),
        (True, (Outcome.REJECTED_NO_ENDPOINTS, Outcome.EVICTED_NO_ENDPOINTS)),
    ],
)
def test_an_empty_pool_is_told_from_a_full_queue_only_as_llm_d_does(
    ask: Ask, controller: Make, tells: bool, outcomes: tuple[Outcome, Outcome]
) -> None:
    flows = controller(band_requests=1, no_endpoint_ttl=5.0, tells_empty_pool=tells)
    flows.note_pool(is_empty=True, now=0.0)
    flows.join(ask(), 0.0, 0.0)

    assert (flows.join(ask(), 0.0, 0.0), flows.expire(6.0)[1]) == outcomes


def test_a_change_between_empty_and_not_begins_all_time_limits_anew(
    ask: Ask, controller: Make
) -> None:
    flows = controller(ttl=10.0, no_endpoint_ttl=3.0)
    flows.note_pool(is_empty=True, now=0.0)
    flows.join(ask(), 0.0, 0.0)
    deadlines = [flows.deadline]
    flows.note_pool(is_empty=False, now=2.0)
    deadlines.append(flows.deadline)
    flows.note_pool(is_empty=False, now=4.0)
    deadlines.append(flows.deadline)

    assert deadlines == [3.0, 12.0, 12.0]


def test_fairness_ids_beyond_a_limit_share_a_flow(ask: Ask, controller: Make) -> None:
    flows = controller(RoundRobinFairnessPolicy())
    for number in range(MOST_FLOWS + 50):
        flows.join(ask(flow=f"client-{number:05}"), 0.0, 0.0)
    places = [w.flow.fairness_id for w in flows.waiting()]

    assert len(set(places)) == MOST_FLOWS + 1
    assert places[MOST_FLOWS:] == ["other"] * 50
    assert flows.length == MOST_FLOWS + 50


def test_a_band_that_is_not_configured_goes_when_it_was_idle_for_long(
    ask: Ask, controller: Make
) -> None:
    flows = controller()
    place = flows.join(ask(priority=7), 0.0, 0.0)
    assert isinstance(place, Waiting)
    flows.leave(place, 1.0)
    flows.join(ask(), 2.0, BAND_IDLE_SECONDS / 2)
    before = [band.priority for band in flows.bands]
    flows.join(ask(), 3.0, BAND_IDLE_SECONDS + 2)

    assert (before, [band.priority for band in flows.bands]) == ([7, 0], [0])


def test_leaving_from_the_middle_of_a_long_queue_leaves_no_holes_behind(
    ask: Ask, controller: Make
) -> None:
    flows = controller()
    places = [flows.join(ask(), 0.0, 0.0) for _ in range(5000)]
    for place in places[1:]:
        assert isinstance(place, Waiting)
        flows.leave(place, 0.0)
    first = places[0]
    assert isinstance(first, Waiting)

    assert len(first.flow) == 1
    assert len(first.flow._places) < 200


class Moody(RoundRobin):
    """Turns that fail when they are told to."""

    fails: ClassVar[str] = ""

    def changed(self, flow: Flow) -> None:
        super().changed(flow)
        assert Moody.fails != "changed"

    def emptied(self, flow: Flow) -> None:
        super().emptied(flow)
        assert Moody.fails != "emptied"


class MoodyPolicy:
    """A fairness policy that hands out such turns."""

    def turns(self) -> Moody:
        return Moody()


@pytest.mark.parametrize("fails", ["changed", "emptied"])
def test_a_fairness_policy_that_fails_leaves_no_count_off(
    ask: Ask, controller: Make, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = controller(MoodyPolicy())
    for name in "aab":
        flows.join(ask(flow=name), 0.0, 0.0)
    (band,) = flows.bands

    monkeypatch.setattr(Moody, "fails", fails)
    if fails == "changed":
        with pytest.raises(AssertionError):
            flows.join(ask(flow="c"), 0.0, 0.0)
    assert (flows.length, band.length, band.bytes) == (3, 3, 3)
    assert names(flows, 3) == "aba"

    assert (flows.length, flows.bytes, band.length, band.bytes) == (0, 0, 0, 0)
    assert not [*flows.waiting()]
