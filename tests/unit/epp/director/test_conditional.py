"""``Prefer: if-available``: served from a cache, or answered 412."""

from collections.abc import Callable
from typing import Any

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.errors import Refusal
from epp.api.plugin import DecisionAmender
from epp.api.request import Request
from epp.config import load
from epp.datalayer.pool import Pool
from epp.director.conditional import conditional, is_conditional
from epp.director.director import Director, Routing
from epp.metrics.recorder import EppMetrics
from epp.scheduling.scheduler import Scheduler

CONFIG = """apiVersion: {group}/v1alpha1
kind: EndpointPickerConfig
plugins: [{{type: {cache}}}, {{type: queue-scorer}}]
"""
LLM_D, GAIE = "llm-d.ai", "inference.networking.x-k8s.io"
PROMPT = "Once upon a time there was a prompt of more than one block of text, " * 3


def director(group: str, cache: str, compat: str = "gaie-1.4") -> Director:
    config = load(CONFIG.format(group=group, cache=cache))
    pool = Pool()
    pool.replace([EndpointSpec("a", "default", "10.0.0.1", 8000)])
    scheduler = Scheduler(config.profiles, config.handler, config.instances)
    amenders = [i.plugin for i in config.instances if isinstance(i.plugin, DecisionAmender)]
    routing = Routing(
        scheduler,
        scheduler,
        config.producers,
        amenders=[*amenders, *conditional(config, compat)],
    )
    return Director(pool, routing, EppMetrics(), touch=lambda: None)


@pytest.fixture
def asked(ask: Callable[..., Request]) -> Callable[..., Request]:
    def make(prefer: str = "") -> Request:
        request = ask(prompt=PROMPT, headers={"prefer": prefer} if prefer else {})
        request.size = len(PROMPT)
        return request

    return make


def never(answer: Any) -> None:
    raise AssertionError(answer)


@pytest.mark.parametrize("cache", ["prefix-cache-scorer", "approx-prefix-cache-producer"])
def test_a_conditional_request_is_served_only_where_its_prompt_was_before(
    asked: Callable[..., Request], cache: str
) -> None:
    picker = director(LLM_D, cache)

    with pytest.raises(Refusal) as refused:
        picker.route(asked("if-available"), never)
    assert picker.route(asked(), never)
    assert picker.route(asked("if-available"), never)

    refusal = refused.value
    assert (refusal.code.http_status, refusal.message) == (
        412,
        "no decode worker has the requested KV cache",
    )


def test_nothing_known_of_caches_is_nothing_cached(asked: Callable[..., Request]) -> None:
    picker = director(LLM_D, "kv-cache-utilization-scorer")
    picker.route(asked(), never)

    with pytest.raises(Refusal, match="KV cache"):
        picker.route(asked("if-available"), never)


def test_gaie_passes_conditional_requests_on_unless_clients_expect_llm_d(
    asked: Callable[..., Request],
) -> None:
    assert director(GAIE, "prefix-cache-scorer").route(asked("if-available"), never)

    with pytest.raises(Refusal, match="KV cache"):
        director(GAIE, "prefix-cache-scorer", "llm-d-0.9").route(asked("if-available"), never)


def test_a_request_without_a_body_is_never_conditional() -> None:
    request = Request("r", {":method": "GET", "prefer": "if-available"})

    assert director(LLM_D, "prefix-cache-scorer").route_any(request, never)


@pytest.mark.parametrize(
    ("prefer", "is_asked"),
    [
        ("if-available", True),
        (" If-Available ", True),
        ("return=minimal, if-available;x=1", True),
        ("if-available=1", True),
        ("return=minimal", False),
        ("if-available-or-so", False),
        (",;=", False),
    ],
)
def test_preferences_are_a_list(prefer: str, is_asked: bool) -> None:
    assert is_conditional(prefer) is is_asked
