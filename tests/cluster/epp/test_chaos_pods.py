"""Requests flow while a thousand pods come and go."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from chaos.peer import Peer, destination_of
from machine.control_plane import ControlPlane

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Until = Callable[..., Any]

PODS = 1000
AT_ONCE = 8
BODY = b'{"model": "m", "prompt": "the bay"}'
FLAGS = ("--endpoint-selector=app=vllm", "--endpoint-target-ports=8000")
STATUS = {"Content-Type": "application/merge-patch+json"}


class Gateway(threading.Thread):
    """Asks where to send one request after the other, until it is told to stop."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.is_over = False
        self.seconds: list[float] = []
        self.destinations: list[str] = []
        self._port = port

    def run(self) -> None:
        peer = Peer(self._port)
        while not self.is_over:
            began = time.perf_counter()
            destination = destination_of(peer.ask(BODY))
            self.seconds.append(time.perf_counter() - began)
            self.destinations.append(destination)
            time.sleep(0.002)
        peer.close()


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

    space.pod("always", "127.0.0.1")
    name = "llm-epp-5d4f8c9b7-x2k4q"
    epp = start(
        *FLAGS, "--metrics-endpoint-auth=false", "--pool-namespace", space.name, POD_NAME=name
    )
    until(epp.is_ready, "it serves")
    gateway = Gateway(epp.grpc_port)
    gateway.start()

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(come, range(PODS)))
    until(lambda: len(epp.endpoints()) == PODS + 1, "all have come", 30)
    gone = {"labelSelector": "app=vllm,wave", "gracePeriodSeconds": 0}
    assert api_server.delete(pods, params=gone).status_code == 200
    until(lambda: epp.endpoints() == {"always-rank-0"}, "all have gone", 30)
    seconds = time.monotonic() - began
    after = len(gateway.seconds)
    until(lambda: len(gateway.seconds) > after + 20, "requests flow on")
    gateway.is_over = True
    gateway.join()

    known = {f"{address(n)}:8000" for n in range(PODS)} | {"127.0.0.1:8000"}
    assert set(gateway.destinations) <= known
    assert set(gateway.destinations[-20:]) == {"127.0.0.1:8000"}
    times = sorted(gateway.seconds)
    p99 = times[len(times) * 99 // 100]
    print(
        f"{PODS} pods came and went in {seconds:.0f} s; {len(times)} picks, "
        f"p99 {p99 * 1e3:.1f} ms, slowest {times[-1] * 1e3:.0f} ms"
    )
    assert p99 < 0.5
    assert "Traceback" not in epp.log
