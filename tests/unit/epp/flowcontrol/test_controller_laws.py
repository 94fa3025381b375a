"""What holds whatever comes, in whichever order: the controller against a simple model of it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from epp.api.request import Request
from epp.flowcontrol.bands import BandSettings
from epp.flowcontrol.controller import Blocked, FlowController, FlowSettings
from epp.flowcontrol.outcomes import Outcome
from epp.flowcontrol.queue import Waiting
from epp.plugins.flow.edf import EdfOrderingPolicy
from epp.plugins.flow.fcfs import FcfsOrderingPolicy
from epp.plugins.flow.global_strict import GlobalStrictFairnessPolicy
from epp.plugins.flow.program_aware import ProgramAwareFairness
from epp.plugins.flow.round_robin import RoundRobinFairnessPolicy
from epp.plugins.flow.static_usage_limit import StaticUsageLimitPolicy

MAX_BYTES, MAX_REQUESTS, BAND_REQUESTS = 400, 20, 9
TTL, EMPTY_TTL = 10.0, 25.0


class Machine(RuleBasedStateMachine):
    """Arrivals, departures, time, scrapes and pool changes as they come."""

    fairness: Any = GlobalStrictFairnessPolicy
    ordering: Any = FcfsOrderingPolicy

    def __init__(self) -> None:
        super().__init__()
        band = BandSettings(type(self).fairness(), type(self).ordering(), 0, BAND_REQUESTS)
        self.controller = FlowController(
            FlowSettings(
                bands={5: band},
                other=band,
                other_negative=band,
                usage_limits=StaticUsageLimitPolicy(),
                max_bytes=MAX_BYTES,
                max_requests=MAX_REQUESTS,
                ttl=TTL,
                no_endpoint_ttl=EMPTY_TTL,
            )
        )
        self.now = 100.0
        self.regime_since = 0.0
        self.is_empty = False
        self.here: dict[int, Waiting] = {}
        self.outcomes: Counter[Request] = Counter()

    def gone(self, waiting: Waiting) -> None:
        del self.here[waiting.number]
        self.outcomes[waiting.request] += 1

    @rule(
        size=st.sampled_from([0, 1, 50, 200]),
        flow=st.sampled_from("abc"),
        priority=st.sampled_from([-1, 0, 5, 7]),
    )
    def arrive(self, size: int, flow: str, priority: int) -> None:
        request = Request("id", {}, size=size, fairness_id=flow, priority=priority)
        in_band = [w for w in self.here.values() if w.priority == priority]
        held = sum(w.size for w in self.here.values())
        has_room = (
            (not size or held + size <= MAX_BYTES)
            and len(self.here) < MAX_REQUESTS
            and len(in_band) < BAND_REQUESTS
        )

        place = self.controller.join(request, self.now, self.now)

        assert isinstance(place, Waiting) == has_room
        if isinstance(place, Waiting):
            self.here[place.number] = place
        else:
            assert place is Outcome.REJECTED_CAPACITY
            self.outcomes[request] += 1

    @rule(saturation=st.sampled_from([0.0, 0.99, 1.0, 7.5]))
    def let_one_go(self, saturation: float) -> None:
        chosen = self.controller.next(saturation, self.now)

        if not self.here:
            assert chosen is None
        elif saturation >= 1.0:
            assert isinstance(chosen, Blocked)
            assert chosen.priority == max(w.priority for w in self.here.values())
        else:
            assert isinstance(chosen, Waiting)
            assert chosen.priority == max(w.priority for w in self.here.values())
            same = [
                w
                for w in self.here.values()
                if w.priority == chosen.priority and w.flow.fairness_id == chosen.flow.fairness_id
            ]
            # First come, first served, but for deadlines of before the pool was empty or not.
            assert (chosen.rank, chosen.number) == min((w.rank, w.number) for w in same)
            assert self.ordering is EdfOrderingPolicy or chosen.rank == 0.0
            self.gone(chosen)

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        waiting = self.here[data.draw(st.sampled_from(sorted(self.here)))]
        self.controller.leave(waiting, self.now)
        self.gone(waiting)

    @rule(seconds=st.sampled_from([0.5, 4.0, 30.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        ttl = EMPTY_TTL if self.is_empty else TTL
        late = {
            n for n, w in self.here.items() if max(w.arrived, self.regime_since) + ttl <= self.now
        }

        expired, outcome = self.controller.expire(self.now)

        assert {waiting.number for waiting in expired} == late
        assert outcome is Outcome.EVICTED_TTL
        for waiting in expired:
            self.controller.leave(waiting, self.now)
            self.gone(waiting)
        assert self.controller.deadline > self.now

    @rule(is_empty=st.booleans())
    def pool_changes(self, *, is_empty: bool) -> None:
        if is_empty is not self.is_empty:
            self.is_empty, self.regime_since = is_empty, self.now
        self.controller.note_pool(is_empty=is_empty, now=self.now)

    @invariant()
    def the_accounts_are_the_sums_of_what_waits(self) -> None:
        here = list(self.here.values())
        assert self.controller.length == len(here)
        assert self.controller.bytes == sum(w.size for w in here)
        for band in self.controller.bands:
            mine = [w for w in here if w.priority == band.priority]
            assert (band.length, band.bytes) == (len(mine), sum(w.size for w in mine))
        assert [w.number for w in self.controller.waiting()] == sorted(self.here)

    @invariant()
    def nobody_has_two_outcomes(self) -> None:
        assert set(self.outcomes.values()) <= {1}

    @invariant()
    def bands_are_in_order(self) -> None:
        priorities = [band.priority for band in self.controller.bands]
        assert priorities == sorted(set(priorities), reverse=True)
        assert 5 in priorities


def machine(fairness_: Any, ordering_: Any = FcfsOrderingPolicy) -> Any:
    class Chosen(Machine):
        fairness = fairness_
        ordering = ordering_

    case = Chosen.TestCase
    case.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
    return case


TestGlobalStrict = machine(GlobalStrictFairnessPolicy)
TestRoundRobin = machine(RoundRobinFairnessPolicy)
TestProgramAware = machine(ProgramAwareFairness)
TestEarliestDeadline = machine(GlobalStrictFairnessPolicy, EdfOrderingPolicy)

Ask = Callable[..., Request]
Make = Callable[..., FlowController]


@pytest.mark.parametrize("counts", [(9, 9, 9), (1, 30, 4), (7, 0, 2)])
def test_round_robin_serves_flows_with_requests_equally_often(
    ask: Ask, controller: Make, counts: tuple[int, ...]
) -> None:
    flows = controller(RoundRobinFairnessPolicy())
    left = Counter(dict(zip("abc", counts, strict=True)))
    for name, count in left.items():
        for _ in range(count):
            flows.join(ask(flow=name), 0.0, 0.0)
    served: Counter[str] = Counter()
    while flows.length:
        chosen = flows.next(0.0, 0.0)
        assert isinstance(chosen, Waiting)
        name = chosen.flow.fairness_id
        served[name] += 1
        left[name] -= 1
        busy = [served[other] for other in left if left[other] > 0]
        assert not busy or max(busy) - min(busy) <= 1
