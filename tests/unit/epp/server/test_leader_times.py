"""How a Lease is held, and the events that tell who holds it."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from epp.datalayer.pool import Pool
from epp.director.intent import Intents
from epp.discovery.kubernetes.client import ApiError
from epp.metrics.recorder import EppMetrics
from epp.server.errors import StartError
from epp.server.flags import parse
from epp.server.health import Health
from epp.server.kubernetes import kubernetes_for, target_from
from epp.server.leader_events import LeaderEvents


async def ported(_: object) -> None:
    raise AssertionError


def elect(*flags: str) -> None:
    options = parse(["--pool-name=llm", "--ha-enable-leader-election", *flags]).options
    kubernetes_for(
        options,
        target_from(options, {}),
        pool=Pool(),
        intents=Intents(),
        metrics=EppMetrics(),
        health=Health(elects=True),
        ported=ported,
    )


@pytest.mark.parametrize(
    ("flags", "objection"),
    [
        (["--ha-lease-duration=500ms"], "--ha-lease-duration must be 1s or more"),
        (["--ha-lease-duration=10s"], "must be longer than --ha-renew-deadline"),
        (["--ha-renew-deadline=20s"], "--ha-lease-duration (15s) must be longer"),
        (["--ha-retry-period=9s"], "must be longer than 1.2 times --ha-retry-period"),
        (["--ha-retry-period=0s"], "--ha-retry-period must be above 0"),
    ],
)
def test_times_of_a_lease_must_go_together(flags: list[str], objection: str) -> None:
    with pytest.raises(StartError) as error:
        elect(*flags)

    assert objection in str(error.value)


def test_a_lease_may_be_shorter_than_usual() -> None:
    elect()
    elect("--ha-lease-duration=3s", "--ha-renew-deadline=2s", "--ha-retry-period=500ms")


class Server:
    """An API server that allows or refuses events."""

    def __init__(self, error: ApiError | None) -> None:
        self.error = error
        self.sent: list[tuple[str, str, Mapping[str, Any]]] = []

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append((method, path, body))
        if self.error is not None:
            raise self.error
        return dict(body)


async def record(error: ApiError | None = None, lease: str = "epp-ns-llm.llm-d.ai") -> Server:
    server: Any = Server(error)
    events = LeaderEvents(server, "ns", lease, "host_1")
    events.record("became leader")
    events.record("stopped leading")
    await events.stop()
    assert isinstance(server, Server)
    return server


async def test_who_leads_is_an_event_of_the_lease() -> None:
    server = await record()

    (method, path, event), (_, _, last) = server.sent
    assert (method, path) == ("POST", "/api/v1/namespaces/ns/events")
    assert event["involvedObject"]["name"] == "epp-ns-llm.llm-d.ai"
    assert event["involvedObject"]["namespace"] == event["metadata"]["namespace"] == "ns"
    assert (event["type"], event["reason"]) == ("Normal", "LeaderElection")
    assert (event["message"], last["message"]) == (
        "host_1 became leader",
        "host_1 stopped leading",
    )


async def test_a_name_as_long_as_can_be_leaves_room_for_the_time() -> None:
    server = await record(lease="a" * 199 + "." + "b" * 53)

    name = server.sent[0][2]["metadata"]["name"]
    assert len(name) <= 253
    assert ".." not in name


async def test_where_events_may_not_be_created_the_rule_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusal = 'events is forbidden: User "system:serviceaccount:ns:epp" cannot create'

    with caplog.at_level(logging.INFO, logger="leader-election"):
        await record(ApiError(403, refusal))

    (line,) = caplog.messages
    assert '{apiGroups: [""], resources: [events], verbs: [create]}' in line
    assert "system:serviceaccount:ns:epp" in line


@pytest.mark.parametrize("status", [0, 409, 500])
async def test_events_that_are_lost_are_none_of_the_users_trouble(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="leader-election"):
        server = await record(ApiError(status, "broken"))

    assert len(server.sent) == 2
    assert not caplog.messages
