"""Queues in front of a pool, with a clock that only the test moves."""

from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.api.errors import Refusal
from epp.api.request import Request
from epp.datalayer.pool import Pool
from epp.director.admission import MOST_PER_TURN, Queueing
from epp.director.fullness import Fullness, is_full_as_scraped
from epp.flowcontrol.bands import BandSettings
from epp.flowcontrol.controller import FlowController, FlowSettings
from epp.flowcontrol.reclaiming import GRACE_SECONDS, Reclaiming
from epp.metrics.flow import FlowMetrics
from epp.plugins.flow.fcfs import FcfsOrderingPolicy
from epp.plugins.flow.global_strict import GlobalStrictFairnessPolicy
from epp.plugins.flow.priority_then_time_eviction_order import PriorityThenTimeEvictionOrderPolicy
from epp.plugins.flow.sheddable_eviction import SheddableEvictionFilter
from epp.plugins.flow.soft_reflective_ceiling import SoftReflectiveCeilingPolicy
from epp.plugins.flow.static_usage_limit import StaticUsageLimitPolicy
from epp.plugins.saturation.utilization import UtilizationDetector


class Loop:
    """An event loop whose time stands still until it is told to go on."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.due: list[Callable[[], None]] = []
        self.alarms: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def soon(self, call: Callable[[], None]) -> None:
        self.due.append(call)

    def at(self, when: float, call: Callable[[], None]) -> Callable[[], None]:
        alarm = (when, call)
        self.alarms.append(alarm)
        return lambda: self.alarms.remove(alarm)

    def settle(self, until: float | None = None) -> None:
        """Do what is due, and what comes due up to a time."""
        until = self.time if until is None else until
        while True:
            while self.due:
                self.due.pop(0)()
            ringing = min(self.alarms, key=lambda alarm: alarm[0], default=None)
            if ringing is None or ringing[0] > until:
                break
            self.alarms.remove(ringing)
            self.time = max(self.time, ringing[0])
            ringing[1]()
        self.time = max(self.time, until)


class House:
    """A pool of endpoints that hold 5 waiting requests each, and the queue in front of it."""

    def __init__(
        self, endpoints: int = 1, limits: Any = None, *, evicts: bool = False, **flow: Any
    ) -> None:
        self.loop = Loop()
        self.metrics = FlowMetrics()
        self.pool = Pool(clock=self.loop.now)
        self.resize(endpoints)
        band = BandSettings(GlobalStrictFairnessPolicy(), FcfsOrderingPolicy())
        flow = {"usage_limits": limits or StaticUsageLimitPolicy(), **flow}
        self.settings = FlowSettings(other=band, other_negative=band, **flow)
        self.evicts = evicts
        self.queueing = self.another()
        self.pool.on_figures(self.note_figures)
        self.pool.on_change(self.note_change)
        self.log: list[tuple[str, str]] = []
        self.served: dict[Request, Endpoint] = {}

    def another(self) -> Queueing:
        reclaiming = Reclaiming(
            SheddableEvictionFilter(), PriorityThenTimeEvictionOrderPolicy(), self.metrics
        )
        return Queueing(
            FlowController(self.settings),
            Fullness(self.pool.snapshot, UtilizationDetector()),
            self.loop,
            self.metrics,
            detector="utilization-detector",
            reclaiming=reclaiming if self.evicts else None,
        )

    def note_figures(self) -> None:
        self.queueing.note_figures()

    def note_change(self) -> None:
        self.queueing.wake()

    def resize(self, endpoints: int) -> None:
        self.pool.replace(
            EndpointSpec(f"pod-{n}", "default", f"10.0.0.{n + 1}", 8000) for n in range(endpoints)
        )

    def report(self, waiting: int) -> None:
        """Let every endpoint report a queue."""
        for candidate in self.pool.snapshot():
            self.pool.scrape_started(candidate.endpoint)
            self.pool.scraped(
                candidate.endpoint, Metrics(waiting=waiting, updated_at=self.loop.time)
            )

    def ask(self, name: str = "r", priority: int = 0, flow: str = "f") -> Request:
        request = Request(name, {}, "m", "m", size=10, priority=priority, fairness_id=flow)
        try:
            if self.queueing.admit(
                request,
                lambda refusal: self.answered(request, refusal),
                lambda refusal: self.revoked(request, refusal),
            ):
                self.answered(request, None)
        except Refusal as refusal:
            self.answered(request, refusal)
        return request

    def answered(self, request: Request, refusal: Refusal | None) -> None:
        if refusal is None:
            self.served[request] = self.pool.snapshot()[0].endpoint
            self.pool.dispatched(self.served[request])
        self.log.append((request.id, refusal.reason if refusal else "served"))

    def end(self, request: Request) -> None:
        self.pool.completed(self.served.pop(request))
        self.queueing.completed(request)

    def revoked(self, request: Request, refusal: Refusal) -> None:
        self.log.append((request.id, refusal.reason))
        self.end(request)

    def waiting(self) -> int:
        return sum(series.waiting for _, series in self.metrics.requests.items())


def test_a_request_goes_on_at_once_while_there_is_room() -> None:
    house = House()
    house.report(0)
    house.ask()

    assert house.log == [("r", "served")]
    assert (house.loop.due, house.loop.alarms) == ([], [])


def test_new_figures_let_waiting_requests_go_on_as_far_as_there_is_room() -> None:
    house = House()
    house.report(9)
    for number in range(4):
        house.ask(str(number))
    house.loop.settle()
    before = list(house.log)
    house.report(3)
    house.loop.settle(1001.0)

    assert before == []
    assert house.log == [("0", "served"), ("1", "served")]
    assert house.waiting() == 2


def test_the_end_of_a_request_lets_the_next_one_go_on() -> None:
    house = House()
    house.report(4)
    first = house.ask("first")
    house.ask("second")
    house.loop.settle()
    house.end(first)
    house.loop.settle()

    assert [name for name, _ in house.log] == ["first", "second"]


def test_an_endpoint_that_appears_is_room() -> None:
    house = House(endpoints=0)
    house.ask()
    house.loop.settle()
    house.resize(1)
    house.report(0)
    house.loop.settle(1001.0)

    assert house.log == [("r", "served")]


def test_the_most_important_request_goes_first_though_it_came_last() -> None:
    house = House()
    house.report(9)
    for name, priority in (("low", -1), ("usual", 0), ("high", 9)):
        house.ask(name, priority)
    house.report(0)
    house.loop.settle(1001.0)

    assert [name for name, _ in house.log] == ["high", "usual", "low"]


def test_a_request_does_not_overtake_those_that_wait() -> None:
    house = House()
    house.report(9)
    house.ask("first")
    house.loop.settle()
    house.report(0)
    house.ask("second")
    house.loop.settle(1001.0)

    assert [name for name, _ in house.log] == ["first", "second"]


def test_who_waits_too_long_is_answered_by_one_timer() -> None:
    house = House(ttl=5.0)
    house.report(9)
    for number in range(3):
        house.ask(str(number))
        house.loop.settle(house.loop.time + 1)
    alarms = len(house.loop.alarms)
    house.loop.settle(1005.5)
    first = list(house.log)
    house.loop.settle(1010.0)

    assert alarms == 1
    assert first == [("0", "rejected-ttl-expired")]
    assert house.log == [(str(n), "rejected-ttl-expired") for n in range(3)]
    assert house.loop.alarms == []


def test_a_client_that_leaves_is_not_answered_and_leaves_no_timer() -> None:
    house = House(ttl=5.0)
    house.report(9)
    request = house.ask()
    house.loop.settle()
    house.queueing.abandon(request)
    house.loop.settle(2000.0)

    assert house.log == []
    assert house.waiting() == 0
    assert house.loop.alarms == []
    assert house.metrics.outcomes == {("EvictedContextCancelled", 0): 1}


def test_nothing_is_timed_while_requests_wait_without_limit() -> None:
    house = House()
    house.report(9)
    house.ask()
    house.loop.settle()

    assert house.loop.alarms == []


def test_many_scrapes_in_a_row_cause_few_looks() -> None:
    house = House(endpoints=50)
    house.report(9)
    house.ask()
    house.loop.settle()
    before = house.metrics.cycles.count
    for _ in range(20):
        house.report(9)
    house.loop.settle(house.loop.time + 1)

    assert house.metrics.cycles.count - before <= 2


def test_a_long_queue_leaves_the_loop_free_now_and_then() -> None:
    house = House(endpoints=1000)
    house.report(9)
    for number in range(3 * MOST_PER_TURN):
        house.ask(str(number))
    house.loop.settle()
    house.report(0)
    house.loop.due.clear()
    house.queueing._is_due = False
    house.queueing.wake()
    house.loop.due.pop(0)()

    assert len(house.log) == MOST_PER_TURN
    assert len(house.loop.due) == 1


def test_a_queue_does_not_empty_itself_into_decisions_that_take_their_time() -> None:
    house = House(endpoints=2)
    house.report(9)
    requests = [house.ask(str(number)) for number in range(6)]
    for request in requests[:2]:
        house.queueing.deciding(request)
    house.report(0)
    house.loop.settle(1001.0)
    before = len(house.log)
    house.queueing.decided(requests[0])
    house.loop.settle()

    assert (before, len(house.log)) == (0, 6)


def test_a_policy_that_opens_now_and_then_is_asked_again() -> None:
    house = House(endpoints=10, limits=SoftReflectiveCeilingPolicy())
    house.report(3)
    house.queueing._controller.ceiling(5, 0.0)
    house.ask("low", 0)
    house.ask("low", 0)
    house.loop.settle(1001.0)

    assert [answer for _, answer in house.log] == ["served", "served"]


def test_sheddable_requests_are_ended_for_more_important_ones_that_wait() -> None:
    house = House(evicts=True)
    house.report(0)
    batch = [house.ask(f"batch-{n}", -1) for n in range(5)]
    house.loop.settle()
    assert len(batch) == len(house.served)
    house.ask("important", 3)
    house.loop.settle(house.loop.time + GRACE_SECONDS)

    assert house.log[5:] == [("batch-4", "evicted"), ("important", "served")]
    assert house.metrics.revocations == {"confirmed": 1}


def test_who_may_be_ended_may_be_under_a_new_configuration_too() -> None:
    house = House(evicts=True)
    house.report(0)
    batch = [house.ask(f"batch-{n}", -1) for n in range(5)]
    house.loop.settle()
    old, house.queueing = house.queueing, house.another()
    old.hand_over(house.queueing)
    house.end(batch[4])
    house.ask("usual")
    house.ask("important", 3)
    house.loop.settle(house.loop.time + GRACE_SECONDS)

    assert house.log[5:] == [("usual", "served"), ("batch-3", "evicted"), ("important", "served")]


def test_a_close_answers_those_who_wait_and_those_who_come() -> None:
    house = House(ttl=9.0)
    house.report(9)
    house.ask("waits")
    house.loop.settle()
    house.queueing.close()
    house.ask("comes")
    house.loop.settle(2000.0)

    assert house.log == [(name, "rejected-shutting-down") for name in ("waits", "comes")]
    assert house.metrics.outcomes == {("EvictedOther", 0): 1, ("RejectedOther", 0): 1}


@pytest.mark.parametrize("has_heir", [True, False])
def test_a_new_configuration_takes_over_who_waits_in_order(has_heir: bool) -> None:
    house = House(ttl=5.0)
    house.report(9)
    for number in range(3):
        house.ask(str(number))
    house.loop.settle(1003.0)
    old, heir = house.queueing, house.another() if has_heir else None
    old.hand_over(heir)
    if heir is not None:
        house.queueing = heir
        house.loop.settle(1005.5)

    expected = "rejected-ttl-expired" if has_heir else "served"
    assert house.log == [(str(n), expected) for n in range(3)]
    assert house.waiting() == 0


def test_a_failing_policy_costs_nobody_more_than_the_longest_wait() -> None:
    class Limits(StaticUsageLimitPolicy):
        fails = False

        def ceilings(self, priorities: Sequence[int], saturation: float) -> Sequence[float]:
            if Limits.fails:
                raise LookupError("ceilings")
            return super().ceilings(priorities, saturation)

    house = House(limits=Limits(), ttl=5.0)
    house.report(9)
    house.ask("late")
    house.loop.settle(1003.0)
    house.ask("lucky")
    Limits.fails = True
    house.report(0)
    house.loop.settle(1006.5)
    Limits.fails = False
    house.loop.settle(1007.6)

    assert house.log == [("late", "rejected-ttl-expired"), ("lucky", "served")]
    assert (house.loop.due, house.loop.alarms, house.waiting()) == ([], [], 0)


def test_a_failing_policy_of_eviction_keeps_nobody_from_being_served() -> None:
    house = House(evicts=True)

    def fail(*_: Any) -> Any:
        raise LookupError("started")

    house.queueing._reclaiming.started = fail  # type: ignore[union-attr,method-assign]
    house.report(9)
    house.ask("waits")
    house.loop.settle()
    house.report(0)
    house.loop.settle(1001.0)
    house.ask("comes")

    assert house.log == [("waits", "served"), ("comes", "served")]


def test_the_figures_of_the_queues_are_shown() -> None:
    house = House(max_bytes=100, max_requests=10)
    house.report(9)
    house.ask()
    load = house.queueing.load()

    assert load.saturation == {"effective": 9 / 5}
    assert load.stale_endpoints == {"utilization-detector": 0}
    assert load.whole == (0.1, 0.1)


def test_shedding_goes_by_figures_as_they_were_scraped(pod: Callable[..., Candidate]) -> None:
    is_full = is_full_as_scraped(UtilizationDetector())
    burst = pod(queue=0)._replace(waiting=50)
    drained = pod(queue=50)._replace(waiting=0)

    assert (is_full([burst]), is_full([drained]), is_full([])) == (False, True, True)


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["report", "start", "end", "resize"]), st.integers(0, 5)),
        max_size=30,
    )
)
def test_the_kept_fullness_is_the_one_computed_anew(steps: list[tuple[str, int]]) -> None:
    house = House(endpoints=3)
    fullness = Fullness(house.pool.snapshot, UtilizationDetector())
    for kind, number in steps:
        members = [candidate.endpoint for candidate in house.pool.snapshot()]
        if kind == "resize":
            house.resize(number)
        elif kind == "report":
            house.report(number)
        elif members and kind == "start":
            house.pool.dispatched(members[number % len(members)])
        elif members:
            house.pool.completed(members[number % len(members)])
        if number % 2:
            anew = UtilizationDetector().saturation(house.pool.snapshot())
            assert fullness.read() == pytest.approx(anew, abs=1e-9)


events = st.one_of(
    st.tuples(st.just("ask"), st.integers(-1, 1)),
    st.tuples(st.just("report"), st.integers(0, 8)),
    st.tuples(st.just("end"), st.integers(0, 30)),
    st.tuples(st.just("leave"), st.integers(0, 30)),
    st.tuples(st.just("resize"), st.integers(0, 3)),
    st.tuples(st.just("sleep"), st.integers(0, 3)),
)


@settings(max_examples=150, deadline=None)
@given(history=st.lists(events, max_size=60), ttl=st.sampled_from([0.0, 4.0]))
def test_every_request_has_one_outcome_and_nobody_is_forgotten(
    history: Sequence[tuple[str, int]], ttl: float
) -> None:
    house = House(ttl=ttl, no_endpoint_ttl=ttl, max_requests=12)
    asked: list[Request] = []
    left: set[str] = set()
    for kind, number in history:
        if kind == "ask":
            asked.append(house.ask(str(len(asked)), number))
        elif kind == "report":
            house.report(number)
        elif kind == "resize":
            house.resize(number)
        elif kind == "end" and house.served:
            house.end(list(house.served)[number % len(house.served)])
        elif kind == "leave" and asked:
            request = asked[number % len(asked)]
            if request.id not in dict(house.log):
                left.add(request.id)
            house.queueing.abandon(request)
        house.loop.settle(house.loop.time + (number if kind == "sleep" else 0.01))
        # Nobody waits while there is room: no wake-up was lost.
        assert not house.waiting() or house.queueing._fullness.read() >= 1.0
        assert len(house.loop.alarms) <= 1
    house.resize(1)
    while house.waiting():
        house.report(0)
        house.loop.settle(house.loop.time + 1)

    answers = Counter(name for name, _ in house.log)
    assert set(answers.values()) <= {1}
    assert set(answers) | left == {request.id for request in asked}
    assert not set(answers) & left
    assert sum(house.metrics.outcomes.values()) == len(asked)
    assert min((alarm[0] for alarm in house.loop.alarms), default=inf) == inf
