from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.endpoint import Endpoint
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request, Usage
from epp.flowcontrol.bands import BandSettings
from epp.flowcontrol.controller import FlowController, FlowSettings
from epp.flowcontrol.queue import Waiting
from epp.plugins.flow.fcfs import FcfsOrderingPolicy
from epp.plugins.flow.program_aware import MOST_PROGRAMS, ProgramAwareFairness
from epp.plugins.flow.static_usage_limit import StaticUsageLimitPolicy

DECISION = Decision((Endpoint("a", "default", "10.0.0.1", 8000),))


def serve(policy: ProgramAwareFairness, program: str, at: float, usage: Usage) -> None:
    """Let a request of a program end at a time, after one second."""
    request = Request("id", {}, fairness_id=program, received_at=at - 1)
    policy.dispatched(request, DECISION, ())
    policy.completed(request, DECISION, Outcome(200, usage=usage, seconds=1.0))


def order(policy: ProgramAwareFairness, arrivals: dict[str, float], now: float) -> str:
    band = BandSettings(policy, FcfsOrderingPolicy())
    flows = FlowController(
        FlowSettings(other=band, other_negative=band, usage_limits=StaticUsageLimitPolicy())
    )
    for program, at in arrivals.items():
        flows.join(Request("id", {}, fairness_id=program), at, at)
    chosen = [flows.next(0.0, now) for _ in arrivals]
    return "".join(w.flow.fairness_id for w in chosen if isinstance(w, Waiting))


def samples(policy: ProgramAwareFairness) -> dict[str, dict[str, Any]]:
    prefix = "llm_d_epp_program_aware_"
    return {
        family.name.removeprefix(prefix): {"".join(labels): v for labels, v in family.samples}
        for family in policy.metrics()
    }


def test_the_program_that_got_least_goes_first_and_output_counts_double() -> None:
    policy = ProgramAwareFairness()
    serve(policy, "a", 100.0, Usage(prompt_tokens=100, completion_tokens=10))
    serve(policy, "b", 100.0, Usage(prompt_tokens=10, completion_tokens=100))

    assert order(policy, {"b": 100.0, "a": 100.0, "c": 100.0}, 100.0) == "cab"


def test_of_programs_that_got_the_same_the_longest_wait_goes_first() -> None:
    assert order(ProgramAwareFairness(), {"a": 30.0, "b": 10.0, "c": 20.0}, 40.0) == "bca"


def test_what_a_program_got_is_halved_as_time_goes_by() -> None:
    policy = ProgramAwareFairness()
    serve(policy, "a", 100.0, Usage(prompt_tokens=100))

    assert policy.service("a", 100.0) == pytest.approx(100)
    assert policy.service("a", 220.0) == pytest.approx(25)
    assert policy.service("nobody", 220.0) == 0.0


def test_without_half_life_a_factor_a_second_is_left() -> None:
    policy = ProgramAwareFairness(las_half_life_seconds=0, las_decay_factor=0.5)
    serve(policy, "a", 100.0, Usage(prompt_tokens=100))

    assert policy.service("a", 102.0) == pytest.approx(25)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1e5)), max_size=8), st.data())
def test_service_is_the_sum_of_what_is_left_of_each_request_however_much_time_goes_by(
    pauses: list[tuple[str, float]], data: st.DataObject
) -> None:
    half_life = data.draw(st.floats(1e-3, 1e3))
    policy = ProgramAwareFairness(las_half_life_seconds=half_life, eviction_ttl_seconds=1e9)
    ends, now = [], 1e6
    for program, pause in pauses:
        now += pause
        serve(policy, program, now, Usage(prompt_tokens=100))
        ends.append((program, now))

    for name in "abc":
        expected = sum(
            100 * 0.5 ** min(1e4, (now - at) / half_life) for program, at in ends if program == name
        )
        assert policy.service(name, now) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_idle_programs_are_forgotten_and_busy_ones_are_not() -> None:
    policy = ProgramAwareFairness(eviction_ttl_seconds=60, eviction_sweep_seconds=10)
    serve(policy, "idle", 100.0, Usage(prompt_tokens=1))
    policy.dispatched(Request("id", {}, fairness_id="busy"), DECISION, ())
    serve(policy, "new", 200.0, Usage(prompt_tokens=1))

    assert set(policy.ledger.programs) == {"busy", "new"}
    assert policy.state() == {"programs": 2, "inflight": 1}


def test_made_up_programs_do_not_fill_the_memory() -> None:
    policy = ProgramAwareFairness()
    for number in range(MOST_PROGRAMS + 10):
        serve(policy, str(number), 100.0, Usage(prompt_tokens=1))

    assert policy.state()["programs"] == MOST_PROGRAMS


@pytest.mark.covers(
    "metric:llm_d_epp_program_aware_avg_wait_time_milliseconds",
    "metric:llm_d_epp_program_aware_jains_fairness_index",
    "metric:llm_d_epp_program_aware_attained_service_tokens",
)
def test_waits_and_service_are_shown() -> None:
    policy = ProgramAwareFairness()
    serve(policy, "a", 10.0, Usage(prompt_tokens=7))
    order(policy, {"a": 8.0, "b": 6.0}, 10.0)
    shown = samples(policy)

    assert shown["avg_wait_time_milliseconds"] == {"a": 2000, "b": 4000}
    assert shown["jains_fairness_index"] == {"": pytest.approx(0.9)}
    assert shown["attained_service_tokens"]["a"] == pytest.approx(7)


def test_a_new_configuration_keeps_what_programs_got() -> None:
    old, new = ProgramAwareFairness(), ProgramAwareFairness(las_half_life_seconds=30)
    serve(old, "a", 100.0, Usage(prompt_tokens=100))
    new.inherit(old)

    assert new.service("a", 130.0) == pytest.approx(50)
