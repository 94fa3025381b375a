"""Replicas elect a leader by a Lease; who stands by knows all that it needs to take over."""

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from epp.server.leader import LeaderElection, Terms

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Until = Callable[..., Any]

LEASE_SECONDS = 10.0
RETRY_SECONDS = 2.4
TIMES = ("--ha-lease-duration=10s", "--ha-renew-deadline=8s", "--ha-retry-period=2s")


def test_a_standby_takes_over_at_once_from_who_ends_and_in_time_from_who_dies(
    space: Any, start: Start, until: Until
) -> None:
    space.pod("a", "10.0.0.1")
    space.pool()
    flags = ("--pool-name=llm", f"--pool-namespace={space.name}", "--ha-enable-leader-election")
    flags = (*flags, "--metrics-endpoint-auth=false", *TIMES)
    first = start(*flags)
    until(first.is_ready, "the first one leads")
    second, third = start(*flags), start(*flags)
    until(lambda: second.is_listening() and second.endpoints(), "a standby knows the endpoints")

    assert not second.is_ready()
    unmet = "not ready: not leading\n"
    until(lambda: second.http("/readyz").text == unmet, "it has started")
    names = ("liveness", "readiness", "", "inference-extension")
    assert [second.health(name) for name in names] == [
        "SERVING",
        "NOT_SERVING",
        "NOT_SERVING",
        "SERVICE_UNKNOWN",
    ]
    lease = f"epp-{space.name}-llm.gateway-api-inference-extension.sigs.k8s.io"
    assert f'leader_election_master_status{{name="{lease}"}} 0\n' in second.http("/metrics").text
    until(lambda: third.is_listening() and third.endpoints(), "another one")

    began = time.monotonic()
    first.end(signal.SIGTERM)
    leader = until(lambda: next((e for e in (second, third) if e.is_ready()), None), "a new one")
    seconds = time.monotonic() - began
    print(f"take-over after SIGTERM: {seconds:.1f} s")
    # It need not wait until the Lease runs out, which was renewed a period ago at the most.
    assert seconds < LEASE_SECONDS - RETRY_SECONDS
    (standby,) = {id(e): e for e in (second, third) if e is not leader}.values()
    assert not standby.is_ready()

    began = time.monotonic()
    leader.end(signal.SIGKILL)
    until(standby.is_ready, "the last one leads", 3 * LEASE_SECONDS)
    seconds = time.monotonic() - began
    print(f"take-over after SIGKILL: {seconds:.1f} s")
    # And the margin of a machine that does other things too.
    assert seconds < LEASE_SECONDS + 2 * RETRY_SECONDS + 5.0
    until(lambda: len(events(space, lease)) == 4, "all is told")
    became, stopped = "became leader", "stopped leading"
    assert sorted(events(space, lease)) == [became, became, became, stopped]


def test_a_leader_that_ends_serves_until_a_successor_that_was_not_there_yet_is_ready(
    space: Any, start: Start, until: Until
) -> None:
    space.pool()
    flags = ("--pool-name=llm", f"--pool-namespace={space.name}", "--ha-enable-leader-election")
    flags = (*flags, "--metrics-endpoint-auth=false", "--drain-delay=60s", *TIMES)
    first = start(*flags)
    until(first.is_ready, "the first one leads", 60)

    first.end(signal.SIGTERM)
    second = start(*flags)
    until(second.is_ready, "its successor leads", 60)

    assert first.is_ready()  # until all have heard of the other one
    until(lambda: not first.is_ready(), "it leads no more", 60)
    assert first.is_listening()  # what is on its way here is served
    first.end(signal.SIGTERM)
    assert first.process.wait(60) == -signal.SIGTERM
    third = start(*flags)
    until(lambda: third.is_listening() and third.endpoints() is not None, "a standby", 60)
    third.end(signal.SIGTERM)
    assert third.process.wait(60) == 0  # nobody was sent to it


def events(space: Any, lease: str) -> list[str]:
    """What the events of the Lease say of whoever it was."""
    listed = space.api.ask("GET", f"/api/v1/namespaces/{space.name}/events")["items"]
    about = [e["message"] for e in listed if e["involvedObject"]["name"] == lease]
    return [message.partition(" ")[2] for message in about]


async def test_a_leader_that_crashed_leads_again_as_soon_as_it_is_back(
    space: Any, follow: Callable[..., Any]
) -> None:
    space.pool()
    following = await follow(space)

    def election(identity: str, ancestors: str = "") -> LeaderElection:
        return LeaderElection(
            following.server,
            space.name,
            "l",
            identity=identity,
            leading=lambda _: None,
            terms=Terms(lease=60.0, renew=50.0, retry=0.2),
            ancestors=ancestors,
        )

    crashed, other, again = (
        election("pod_1"),
        election("pod2_1", "pod2_"),
        election("pod_2", "pod_"),
    )
    await crashed.start()
    await following.until(lambda: crashed.is_leading, "it leads")
    await crashed.stop()  # it holds the Lease and is heard of no more
    await other.start()
    await again.start()
    await following.until(lambda: again.is_leading, "it leads again")
    assert not other.is_leading
    for each in (other, again):
        await each.stop()


async def test_a_leader_that_cannot_reach_the_api_server_goes_on(
    space: Any, follow: Callable[..., Any], processes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    space.pool()
    following = await follow(space)
    terms = Terms(lease=1.0, renew=0.5, retry=0.2)
    leading: list[bool] = []
    election = LeaderElection(
        following.server, space.name, "l", identity="a", leading=leading.append, terms=terms
    )
    await election.start()
    await following.until(lambda: election.is_leading, "it leads")

    processes.send("kube-apiserver", signal.SIGSTOP)
    try:
        await following.until(lambda: following.figures.is_reachable is False, "it is away")
        await asyncio.sleep(2 * terms.lease)
        assert leading == [True]
        overdue = "the Lease l could not be renewed for "
        await following.until(lambda: overdue in caplog.text, "it says so")
    finally:
        processes.send("kube-apiserver", signal.SIGCONT)
    await following.until(lambda: following.figures.is_reachable, "it is back")
    assert leading == [True]
    await election.stop()


async def test_a_leader_steps_down_when_another_one_holds_the_lease(
    space: Any, follow: Callable[..., Any]
) -> None:
    space.pool()
    following = await follow(space)
    terms = Terms(lease=3.0, retry=0.1, handover=0.1)
    leading: dict[str, bool] = {}
    elections = {
        name: LeaderElection(
            following.server,
            space.name,
            "l",
            identity=name,
            leading=lambda is_it, name=name: leading.update({name: is_it}),
            terms=terms,
        )
        for name in ("a", "b")
    }
    await elections["a"].start()
    await following.until(lambda: leading == {"a": True}, "a leads")
    await elections["a"].stop()  # it hears and says nothing for a while
    await elections["b"].start()
    await following.until(lambda: leading == {"a": True, "b": True}, "b leads, too")

    await elections["a"].start()
    await following.until(lambda: leading == {"a": False, "b": True}, "a sees that b leads")
    await elections["b"].release()
    await following.until(lambda: leading == {"a": True, "b": False}, "a leads again")
    for election in elections.values():
        await election.stop()
