"""Requests flow while a thousand pods come and go."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from chaos.caller import Caller
from machine.control_plane import ControlPlane

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Until = Callable[..., Any]

PODS = 1000
AT_ONCE = 8
SECONDS = 25
"""In which all come, evenly, and in which all go."""
FLAGS = ("--endpoint-selector=app=vllm", "--endpoint-target-ports=8000")
STATUS = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def api_server(plane: ControlPlane) -> Iterator[httpx.Client]:
    """A client that many threads share."""
    trust = ssl.create_default_context(cafile=str(plane.authority.pair.certificate))
    trust.load_cert_chain(plane.admin.certificate, plane.admin.key)
    with httpx.Client(base_url=plane.server, verify=trust, trust_env=False, timeout=60) as client:
        yield client


def address(number: int) -> str:
    """Return an address where nobody listens and nothing waits for an answer."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def test_a_thousand_pods_come_and_go_and_no_request_goes_astray(
    space: Any, start: Start, until: Until, api_server: httpx.Client
) -> None:
    pods = f"/api/v1/namespaces/{space.name}/pods"

    def come(number: int) -> None:
        pod = space.document(
            "Pod",
            f"pod-{number}",
            metadata={"labels": {"app": "vllm", "wave": "1"}},
            spec={"containers": [{"name": "server", "image": "none"}]},
        )
        assert api_server.post(pods, json=pod).status_code == 201
        ip = address(number)
        ready = [{"type": "Ready", "status": "True"}]
        status = {"status": {"conditions": ready, "podIP": ip, "podIPs": [{"ip": ip}]}}
        answer = api_server.patch(
            f"{pods}/pod-{number}/status", content=json.dumps(status), headers=STATUS
        )
        assert answer.status_code == 200

    def go(number: int) -> None:
        answer = api_server.delete(f"{pods}/pod-{number}", params={"gracePeriodSeconds": 0})
        assert answer.status_code == 200

    space.pod("always", "127.0.0.1")
    name = "llm-epp-5d4f8c9b7-x2k4q"
    epp = start(
        *FLAGS, "--metrics-endpoint-auth=false", "--pool-namespace", space.name, POD_NAME=name
    )
    until(epp.is_ready, "it serves")
    with Caller(epp.grpc_port) as caller:
        began = time.monotonic()
        evenly(come)
        until(lambda: len(epp.endpoints()) == PODS + 1, "all have come", 120)
        evenly(go)
        until(lambda: epp.endpoints() == {"always-rank-0"}, "all have gone", 120)
        seconds = time.monotonic() - began
    picks = caller.picks

    known = {f"{address(n)}:8000" for n in range(PODS)} | {"127.0.0.1:8000"}
    assert {pick.destination for pick in picks} <= known
    # Of a slow machine's few picks few have the same destination.
    assert len({pick.destination for pick in picks}) > min(PODS // 2, len(picks) // 4)
    times = sorted(pick.seconds for pick in picks)
    p99 = times[len(times) * 99 // 100]
    print(
        f"{PODS} pods came and went in {seconds:.0f} s; {len(times)} picks, "
        f"p99 {p99 * 1e3:.1f} ms, slowest {times[-1] * 1e3:.0f} ms"
    )
    assert p99 < 0.5
    assert "Traceback" not in epp.log


def evenly(act: Callable[[int], None]) -> None:
    """Do it for every pod, spread over the time there is."""
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = []
        for number in range(PODS):
            time.sleep(max(0.0, began + number * SECONDS / PODS - time.monotonic()))
            done.append(pool.submit(act, number))
        for each in done:
            each.result()
