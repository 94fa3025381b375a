"""Sessions stay where they are: tokens that clients carry, and sessions that are remembered."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.data import SessionId, find, publish
from epp.api.endpoint import Candidate, Endpoint
from epp.api.plugin import Instance, ResponseHead
from epp.api.request import Decision, Request
from epp.plugins.filters.session_affinity import SessionAffinityFilter
from epp.plugins.producers.agent_identity import AgentIdentity
from epp.plugins.producers.session_id import SessionIdProducer
from epp.plugins.scorers.session_affinity import SessionAffinityScorer
from epp.scheduling.sessions import (
    EncodedEndpointHeader,
    SessionIdentity,
    SessionSource,
    SessionTable,
)

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

OK = ResponseHead(200, {})
BY_NAME: dict[str, Any] = {"strategy": "session_id"}


def token(candidate: Candidate) -> str:
    endpoint = candidate.endpoint
    return b64encode(f"{endpoint.namespace}/{endpoint.name}".encode()).decode()


def of_session(ask: Ask, name: str, at: float = 1.0) -> Request:
    return Request("id", {"x-session-id": name}, received_at=at)


def send(part: Any, request: Request, to: Candidate) -> None:
    part.dispatched(request, Decision((to.endpoint,)), [to])


def test_a_token_pins_with_the_filter_and_scores_1_with_the_scorer(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod(), pod()]
    request = ask(headers={"x-session-token": token(pool[1])})

    assert list(SessionAffinityFilter().filter(request, pool)) == [pool[1]]
    assert SessionAffinityScorer().score(request, pool) == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "not base64!",
        "ZGVmYXVsdC9wb2Qt",  # default/pod-
        "/////w==",
        b64encode(b"other/pod-0").decode(),
        b64encode(b"pod-0").decode(),
        b64encode(b"default/pod-0\n").decode(),
    ],
)
def test_a_token_that_names_no_candidate_changes_nothing(pod: Pod, ask: Ask, header: str) -> None:
    pool = [pod(), pod()]
    request = ask(headers={"x-session-token": header})

    assert SessionAffinityFilter().filter(request, pool) == pool
    assert SessionAffinityScorer().score(request, pool) == [0.0, 0.0]


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=200))
def test_any_token_is_survived(header: str) -> None:
    pool = [Candidate(Endpoint("pod-0", "default", "10.0.0.1", 8000))]

    assert SessionAffinityFilter().filter(Request("1", {"x-session-token": header}), pool) == pool


def test_the_response_carries_the_token_of_who_served(pod: Pod) -> None:
    first, second = pod(), pod()
    decision = Decision((first.endpoint, second.endpoint))
    fallback = ResponseHead(200, {}, served=second.endpoint.host_port)
    unknown = ResponseHead(200, {}, served="10.9.9.9:1")

    for part in (SessionAffinityFilter(), SessionAffinityScorer()):
        assert part.responded(None, decision, OK) == (("x-session-token", token(first)),)
        assert part.responded(None, decision, fallback) == (("x-session-token", token(second)),)
        assert part.responded(None, decision, unknown) == (("x-session-token", token(first)),)
        assert part.responded(None, None, OK) == ()


def test_each_stage_can_have_a_token_of_its_own(pod: Pod) -> None:
    decode, prefill = pod(), pod()
    header = EncodedEndpointHeader("X-Session-Token-Prefill")
    part = SessionAffinityFilter(encoded_endpoint_header_config=header, profile_name="prefill")
    both = Decision((decode.endpoint,), others={"prefill": Decision((prefill.endpoint,))})

    assert part.responded(None, both, OK) == (("x-session-token-prefill", token(prefill)),)
    assert part.responded(None, Decision((decode.endpoint,)), OK) == ()


def test_a_named_session_goes_back_where_it_went(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod(), pod()]
    for part in (SessionAffinityFilter(**BY_NAME), SessionAffinityScorer(**BY_NAME)):
        send(part, of_session(ask, "alice"), pool[2])
        assert part.responded(None, Decision((pool[2].endpoint,)), OK) == ()

        if isinstance(part, SessionAffinityFilter):
            assert part.filter(of_session(ask, "alice"), pool) == [pool[2]]
            assert part.filter(of_session(ask, "bob"), pool) == pool
            assert part.filter(of_session(ask, "alice"), pool[:2]) == pool[:2]
        else:
            assert part.score(of_session(ask, "alice"), pool) == [0.0, 0.0, 1.0]
            assert part.score(ask(), pool) == [0.0, 0.0, 0.0]


def test_a_new_session_begins_where_the_fewest_are(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod(), pod()]
    part = SessionAffinityScorer(**BY_NAME)
    send(part, of_session(ask, "alice"), pool[0])

    assert part.score(of_session(ask, "bob"), pool) == [0.0, 1.0, 1.0]
    assert part.score(of_session(ask, "alice"), pool[1:]) == [1.0, 1.0]
    send(part, of_session(ask, "alice"), pool[1])
    assert part.score(of_session(ask, "bob"), pool) == [1.0, 0.0, 1.0]


def test_a_session_is_forgotten_after_its_time(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod()]
    part = SessionAffinityFilter(**BY_NAME)
    send(part, of_session(ask, "alice", at=1000.0), pool[0])

    assert part.filter(of_session(ask, "alice", at=1299.0), pool) == [pool[0]]
    assert part.filter(of_session(ask, "alice", at=1301.0), pool) == pool


def test_an_endpoint_that_is_gone_takes_its_sessions_along(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod()]
    part = SessionAffinityFilter(**BY_NAME)
    send(part, of_session(ask, "alice"), pool[0])
    part.endpoint_gone(pool[0].endpoint)

    assert part.filter(of_session(ask, "alice"), pool) == pool


def test_the_name_may_stand_in_several_places(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod()]
    sources = (SessionSource("X-Conversation"), SessionSource(attribute="SessionID"))
    part = SessionAffinityFilter("session_id", session_id_config=SessionIdentity(sources=sources))
    by_header, by_producer = ask(headers={"x-conversation": "alice"}), ask()
    publish(by_producer, "session-id-producer", SessionId("alice"))
    send(part, by_header, pool[1])

    assert part.filter(by_producer, pool) == [pool[1]]
    assert part.filter(ask(), pool) == pool


@pytest.mark.parametrize(
    "identity",
    [
        SessionIdentity(sources=()),
        SessionIdentity(sources=(SessionSource(),)),
        SessionIdentity(sources=(SessionSource("a", "b"),)),
        SessionIdentity(sources=(SessionSource("a", producer="c"),)),
    ],
)
def test_a_source_must_be_one_thing(identity: SessionIdentity) -> None:
    with pytest.raises(ValueError, match="sessionIdConfig"):
        SessionAffinityScorer(session_id_config=identity)


def test_sessions_survive_a_change_of_the_configuration(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod()]
    before, after = SessionAffinityFilter(**BY_NAME), SessionAffinityFilter(**BY_NAME)
    send(before, of_session(ask, "alice"), pool[1])
    after.inherit(before)
    after.inherit(SessionAffinityFilter())

    assert after.filter(of_session(ask, "alice"), pool) == [pool[1]]


def test_the_table_is_bounded_and_clears_itself(pod: Pod) -> None:
    table, endpoint = SessionTable(ttl=100, sweep=10, capacity=3), pod().endpoint
    for number in range(5):
        table.bind(f"s{number}", endpoint, 1000.0)
    assert (len(table), table.count(endpoint.slot)) == (3, 3)
    assert table.endpoint_of("s0", 1000.0) is None
    assert table.endpoint_of("s4", 1000.0) is endpoint

    table.bind("late", endpoint, 1101.0)
    assert (len(table), table.count(endpoint.slot)) == (1, 1)


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), st.booleans()), max_size=30)
)
def test_the_counts_are_those_of_the_bindings(steps: list[tuple[str, int, bool]]) -> None:
    endpoints = [Endpoint(f"p{slot}", "d", "10.0.0.1", 1, slot=slot) for slot in range(4)]
    table, expected = SessionTable(capacity=4), dict[str, int]()
    for name, slot, is_gone in steps:
        if is_gone:
            table.forget(slot)
            expected = {n: s for n, s in expected.items() if s != slot}
            continue
        expected.pop(name, None)
        expected[name] = slot
        table.bind(name, endpoints[slot], 1.0)
        if len(expected) > 4:
            del expected[next(iter(expected))]

    assert {n for n in "abcdef" if table.endpoint_of(n, 1.0)} == set(expected)
    for slot in range(4):
        assert table.count(slot) == list(expected.values()).count(slot)


@pytest.mark.parametrize(
    ("producer", "headers", "expected"),
    [
        (SessionIdProducer(), {"x-session-id": "alice"}, "alice"),
        (SessionIdProducer("X-Other"), {"x-other": "bob"}, "bob"),
        (SessionIdProducer(), {"x-session-id": ""}, None),
        (SessionIdProducer(), {}, None),
        (SessionIdProducer(cookie_name="sid"), {"cookie": 'a=1; sid="eve"; b=2'}, "eve"),
        (SessionIdProducer(cookie_name="sid"), {"cookie": "xsid=1; sid"}, None),
    ],
)
def test_a_session_is_found_in_a_header_or_cookie(
    ask: Ask, producer: SessionIdProducer, headers: dict[str, str], expected: str | None
) -> None:
    request = ask(headers=headers)
    producer.connect("mine", {"mine": Instance("mine", "session-id-producer", producer)})
    producer.produce(request, [])
    found = find(request, SessionId, "mine")

    assert (found.value if found else None) == expected


def test_what_one_agent_asks_is_kept_together_as_a_session_is(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod(), pod()]
    producer = AgentIdentity()
    producer.connect("agents", {"agents": Instance("agents", "agent-identity", producer)})
    identity = SessionIdentity(sources=(SessionSource(attribute="agents"),))
    affinity = SessionAffinityFilter(strategy="session_id", session_id_config=identity)
    first, second, other = (
        Request("id", {"session-id": name}, received_at=1.0) for name in ("a", "a", "b")
    )
    for request in (first, second, other):
        producer.produce(request, pool)

    send(affinity, first, pool[1])

    assert find(second, SessionId, "agents") == SessionId("a")
    assert affinity.filter(second, pool) == [pool[1]]
    assert affinity.filter(other, pool) == pool


@pytest.mark.parametrize(
    ("headers", "fairness_id"),
    [
        ({"x-claude-code-session-id": "c", "session-id": "d"}, "c"),
        ({"x-session-affinity": "o"}, "o"),
        ({"session_id": "old", "session-id": ""}, "old"),
        ({"x-mine": "m", "x-claude-code-session-id": "c"}, "m"),
        ({"x-agent": "nobody"}, "default-flow"),
    ],
)
def test_an_agents_session_is_the_flow_of_its_requests(
    headers: dict[str, str], fairness_id: str
) -> None:
    request = Request("id", headers)

    AgentIdentity(additional_session_headers=("X-Mine",)).pre_admit(request)

    assert request.fairness_id == fairness_id


def test_a_fairness_id_that_a_request_brings_wins_over_its_agents_session() -> None:
    request = Request("id", {"session-id": "s"}, fairness_id="tenant")

    AgentIdentity().pre_admit(request)

    assert request.fairness_id == "tenant"
