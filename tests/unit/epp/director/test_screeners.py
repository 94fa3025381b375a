"""Endpoints that are left out before anything else looks at them."""

from collections.abc import Sequence
from typing import Any

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.errors import Code, Refusal
from epp.api.plugin import Screener
from epp.api.request import Decision, Request
from epp.config import load
from epp.datalayer.pool import Pool
from epp.director.director import Director, Routing
from epp.metrics.recorder import EppMetrics
from epp.scheduling.explain import explain
from epp.scheduling.scheduler import Scheduler

CONFIG = """apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: disaggregatedset-rollout-screener
  parameters:
    scope: {labelSelector: app=llm}
    revisionGating: {mode: sum, requiredRoles: [decode]}
"""
REVISION = "disaggregatedset.x-k8s.io/revision"
ROLE = "disaggregatedset.x-k8s.io/role"


def pod(name: str, revision: str) -> EndpointSpec:
    labels = {"app": "llm", REVISION: revision, ROLE: "decode"}
    return EndpointSpec(name, "default", "10.0.0.1", 8000 + ord(name), labels=labels)


def asked(revision: str) -> Request:
    return Request("r", {"x-llm-d-disagg-revision": revision}, "m", "m")


class Picker:
    """A director of two pods whose configuration names a screener in its plugins alone."""

    def __init__(self) -> None:
        self.config = load(CONFIG)
        config = self.config
        self.pool = Pool()
        self.pool.replace([pod("a", "1"), pod("b", "2")])
        self.scheduler = Scheduler(config.profiles, config.handler, config.instances)
        screeners = [i.plugin for i in config.instances if isinstance(i.plugin, Screener)]
        routing = Routing(self.scheduler, self.scheduler, screeners=screeners)
        self.director = Director(self.pool, routing, EppMetrics(), touch=lambda: None)

    def route(self, request: Request) -> Decision:
        decision = self.director.route(request, _never)
        assert decision is not None
        return decision


def _never(answer: Any) -> None:
    raise AssertionError(answer)


def names(decision: Decision) -> Sequence[str]:
    return [endpoint.name for endpoint in decision.endpoints]


def test_a_screener_needs_no_profile_that_names_it() -> None:
    picker = Picker()

    assert names(picker.route(asked("1"))) == ["a"]
    assert names(picker.route(asked("2"))) == ["b"]
    assert not [w for w in picker.config.warnings if "rollout" in w.message]


def test_a_request_of_which_no_endpoint_is_left_is_refused_as_by_llm_d() -> None:
    with pytest.raises(Refusal) as refused:
        Picker().route(asked("3"))

    refusal = refused.value
    assert (refusal.code, refusal.message, refusal.reason) == (
        Code.SERVICE_UNAVAILABLE,
        "screeners eliminated all endpoint candidates",
        "rejected-no-endpoints",
    )


async def test_what_is_screened_is_explained_so_too() -> None:
    picker = Picker()
    candidates = picker.pool.snapshot()

    kept = await explain(picker.scheduler, asked("2"), candidates, 1.0)
    none = await explain(picker.scheduler, asked("3"), candidates, 1.0)

    assert kept.decision is not None
    assert names(kept.decision) == ["b"]
    assert none.refusal is not None
    assert none.refusal.message == "screeners eliminated all endpoint candidates"
