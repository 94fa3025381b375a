"""``ask(size=10, flow="a", priority=3)`` and ``controller(ttl=5)``."""

from collections.abc import Callable
from typing import Any

import pytest

from epp.api.request import Request
from epp.flowcontrol.bands import BandSettings
from epp.flowcontrol.controller import FlowController, FlowSettings
from epp.plugins.flow.fcfs import FcfsOrderingPolicy
from epp.plugins.flow.global_strict import GlobalStrictFairnessPolicy
from epp.plugins.flow.static_usage_limit import StaticUsageLimitPolicy


@pytest.fixture(scope="session")
def ask() -> Callable[..., Request]:
    """Make a request of a flow."""

    def make(size: int = 1, flow: str = "a", priority: int = 0) -> Request:
        return Request("id", {}, "m", "m", size=size, fairness_id=flow, priority=priority)

    return make


@pytest.fixture(scope="session")
def controller() -> Callable[..., FlowController]:
    """Make a controller whose bands have the given settings."""

    def make(
        fairness: Any = None,
        ordering: Any = None,
        band_bytes: int = 0,
        band_requests: int = 0,
        **settings: Any,
    ) -> FlowController:
        band = BandSettings(
            fairness or GlobalStrictFairnessPolicy(),
            ordering or FcfsOrderingPolicy(),
            band_bytes,
            band_requests,
        )
        settings = {"usage_limits": StaticUsageLimitPolicy(), **settings}
        return FlowController(FlowSettings(other=band, other_negative=band, **settings))

    return make
