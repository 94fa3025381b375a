from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epp.api.data import InflightLoad, PrefixMatch, Tokens, find, publish
from epp.api.endpoint import Candidate, Endpoint
from epp.api.plugin import Outcome, ResponseHead
from epp.api.request import Decision, Request
from epp.plugins.producers.inflight_load import InflightLoadProducer

Pod = Callable[..., Candidate]
END = Outcome(200)
HEAD = ResponseHead(200, {})


def endpoint(slot: int, name: str = "") -> Endpoint:
    return Endpoint(name or f"pod-{slot}", "ns", f"10.0.0.{slot + 1}", 8000, slot=slot)


def ask(tokens: int | None = 10, **fields: Any) -> Request:
    request = Request("id", {}, **fields)
    if tokens is not None:
        publish(request, "token-producer", Tokens([[0] * tokens]))
    return request


def shown(producer: InflightLoadProducer) -> dict[str, dict[tuple[str, ...], Any]]:
    return {f.name: {tuple(labels): v for labels, v in f.samples} for f in producer.metrics()}


def test_requests_and_tokens_count_from_dispatch_to_completion() -> None:
    producer, a = InflightLoadProducer(), endpoint(0)
    first, second = ask(10), ask(5)
    for request in (first, second):
        producer.dispatched(request, Decision((a, endpoint(1))), ())
    during = (dict(producer.inflight().requests), dict(producer.inflight().tokens))
    producer.completed(first, Decision((a,)), END)
    producer.completed(first, Decision((a,)), END)

    assert during == ({0: 2}, {0: 15})
    assert producer.inflight() == InflightLoad({0: 1}, {0: 5})


def test_the_counts_are_handed_to_whoever_asks(pod: Pod) -> None:
    producer, request = InflightLoadProducer(), ask()
    producer.connect("load", {})
    producer.dispatched(ask(), Decision((endpoint(0),)), ())
    producer.produce(request, [pod()])

    assert find(request, InflightLoad, "load") == InflightLoad({0: 1}, {0: 10})
    assert find(request, InflightLoad) is find(request, InflightLoad, "load")


def test_what_the_endpoint_has_cached_does_not_count() -> None:
    producer, request = InflightLoadProducer(), ask(100)
    publish(request, "prefix", PrefixMatch({0: 3}, total=5, block_tokens=16))
    producer.dispatched(request, Decision((endpoint(0),)), ())

    assert producer.inflight().tokens == {0: 100 - 3 * 16}


def test_without_a_tokenizer_four_bytes_are_a_token() -> None:
    producer = InflightLoadProducer()
    producer.dispatched(ask(None, size=4000), Decision((endpoint(0),)), ())

    assert producer.inflight().tokens == {0: 1000}


@pytest.mark.parametrize(
    ("parameters", "body", "expected"),
    [
        ({}, {}, 100 + 150),
        ({"output_ratio": 0.5}, {}, 150),
        ({"max_estimated_output_tokens": 30}, {}, 130),
        ({}, {"max_tokens": 20}, 120),
        ({}, {"max_completion_tokens": 7, "max_tokens": 20}, 107),
        ({}, {"max_tokens": "many"}, 250),
        ({}, {"max_tokens": -5}, 250),
        ({}, {"max_tokens": True}, 250),
    ],
)
def test_tokens_to_come_are_estimated_if_wanted(
    parameters: dict[str, Any], body: dict[str, Any], expected: int
) -> None:
    producer = InflightLoadProducer(add_estimated_output_tokens=True, **parameters)
    producer.dispatched(ask(100, body=body), Decision((endpoint(0),)), ())

    assert producer.inflight().tokens == {0: expected}


def test_a_prefill_worker_counts_until_the_response_begins() -> None:
    producer, request = InflightLoadProducer(), ask(10)
    decision = Decision((endpoint(0),), others={"prefill": Decision((endpoint(1),))})
    producer.dispatched(request, decision, ())
    before = dict(producer.inflight().requests)
    producer.responded(request, decision, HEAD)
    during = producer.inflight()._replace()
    producer.completed(request, decision, END)

    assert before == {0: 1, 1: 1}
    assert during.requests[1] == during.tokens[1] == 0
    assert producer.inflight() == InflightLoad({0: 0, 1: 0}, {0: 0, 1: 0})


def test_tokens_to_come_stay_when_the_response_begins() -> None:
    producer, request = InflightLoadProducer(add_estimated_output_tokens=True), ask(10)
    producer.dispatched(request, Decision((endpoint(0),)), ())
    producer.responded(request, None, HEAD)

    assert producer.inflight().tokens == {0: 25}


def test_an_endpoint_that_took_the_slot_of_another_owes_nothing() -> None:
    producer, old, new = InflightLoadProducer(), endpoint(0, "old"), endpoint(0, "new")
    before, after = ask(10), ask(3)
    producer.dispatched(before, Decision((old,)), ())
    producer.endpoint_gone(old)
    gone = producer.inflight()._replace(requests={**producer.inflight().requests})
    producer.dispatched(after, Decision((new,)), ())
    producer.completed(before, Decision((old,)), END)

    assert gone.requests == {}
    assert producer.inflight() == InflightLoad({0: 1}, {0: 3})


def test_the_metrics_tell_endpoints_flows_and_priorities_apart() -> None:
    producer = InflightLoadProducer()
    producer.connect("load", {})
    requests = [ask(10, fairness_id="a", priority=1), ask(4, fairness_id="b")]
    decision = Decision((endpoint(0),))
    for request in requests:
        producer.dispatched(request, decision, ())
    during = shown(producer)
    for request in requests:
        producer.completed(request, decision, END)

    assert during == {
        "llm_d_epp_inflight_requests": {
            ("pod-0", "ns", "load", "a", "1"): 1,
            ("pod-0", "ns", "load", "b", "0"): 1,
        },
        "llm_d_epp_inflight_tokens": {
            ("pod-0", "ns", "load", "a", "1"): 10,
            ("pod-0", "ns", "load", "b", "0"): 4,
        },
    }
    assert set(map(len, shown(producer).values())) == {0}


def test_made_up_flows_share_a_series() -> None:
    producer, decision = InflightLoadProducer(), Decision((endpoint(0),))
    for number in range(1100):
        producer.dispatched(ask(1, fairness_id=str(number)), decision, ())
    series = shown(producer)["llm_d_epp_inflight_requests"]

    assert len(series) == 1001
    assert sum(series.values()) == 1100


def test_a_new_configuration_goes_on_counting_what_is_under_way() -> None:
    old, new, request = InflightLoadProducer(), InflightLoadProducer(), ask(10)
    old.dispatched(request, Decision((endpoint(0),)), ())
    new.inherit(old)
    new.completed(request, Decision((endpoint(0),)), END)

    assert new.inflight() == InflightLoad({0: 0}, {0: 0})


def test_the_busiest_endpoints_are_shown() -> None:
    producer = InflightLoadProducer()
    endpoints = [endpoint(slot) for slot in range(150)]
    for busy in (*endpoints, endpoints[70]):
        producer.dispatched(ask(1), Decision((busy,)), ())
    state: Any = producer.state()

    assert len(state["endpoints"]) == 100
    assert state["endpoints"][0] == {"endpoint": "ns/pod-70", "requests": 2, "tokens": 2}
    assert state["totalEndpoints"] == 150


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["go", "head", "end", "gone"]), st.integers(0, 3)), max_size=40
    )
)
def test_counts_are_never_negative_and_end_at_nothing(steps: list[tuple[str, int]]) -> None:
    producer = InflightLoadProducer()
    endpoints = [endpoint(slot) for slot in range(4)]
    running: list[tuple[Request, Decision]] = []
    for kind, number in steps:
        if kind == "go":
            request, decision = ask(number), Decision((endpoints[number],))
            producer.dispatched(request, decision, ())
            running.append((request, decision))
        elif kind == "gone":
            producer.endpoint_gone(endpoints[number])
            endpoints[number] = endpoint(number, f"again-{id(steps)}")
        elif running and kind == "head":
            producer.responded(*running[number % len(running)], HEAD)
        elif running:
            producer.completed(*running.pop(number % len(running)), END)
        load = producer.inflight()
        assert min([0, *load.requests.values(), *load.tokens.values()]) == 0
    for request, decision in running:
        producer.completed(request, decision, END)

    load = producer.inflight()
    assert not any([*load.requests.values(), *load.tokens.values()])
    assert not producer.counts.series
