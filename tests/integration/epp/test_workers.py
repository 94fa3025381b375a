"""Several transport processes behind one port, and one that decides for all of them."""

import contextlib
import os
import queue
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp._generated import gaie_health_pb2 as health_wire

Start = Callable[..., Any]
PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
BUFFERED = 2
PATIENCE = 60.0


class Exchange:
    """One HTTP exchange on a connection of its own; open until it is ended."""

    def __init__(self, address: str) -> None:
        # Connections of one process to the same address would be one.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.insecure_channel(address, options)
        self._sent: queue.Queue[wire.ProcessingRequest | None] = queue.Queue()
        self._replies = self._channel.stream_stream(
            PROCESS,
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )(iter(self._sent.get, None), timeout=PATIENCE)

    def route(self) -> str:
        """Return the destination of a completion."""
        fields = {":method": "POST", ":path": "/v1/completions", "x-request-id": "r1"}
        headers = [wire.HeaderValue(key=k, raw_value=v.encode()) for k, v in fields.items()]
        self._sent.put(
            wire.ProcessingRequest(
                request_headers=wire.HttpHeaders(headers=wire.HeaderMap(headers=headers)),
                protocol_config=wire.ProtocolConfiguration(request_body_mode=BUFFERED),
            )
        )
        next(self._replies)
        body = b'{"model": "m", "prompt": "the bay"}'
        self._sent.put(
            wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=True))
        )
        reply = next(self._replies)
        (option,) = reply.request_body.response.header_mutation.set_headers
        return str(option.header.raw_value.decode())

    @property
    def is_open(self) -> bool:
        return bool(self._replies.is_active())

    def wait_until_lost(self) -> grpc.StatusCode:
        with contextlib.suppress(grpc.RpcError):
            next(self._replies)
        return self._replies.code()  # type: ignore[no-any-return]

    def end(self) -> None:
        self._sent.put(None)
        assert list(self._replies) == []
        self._channel.close()

    def close(self) -> None:
        self._sent.put(None)
        self._channel.close()


@pytest.fixture
def epp(start: Start) -> Any:
    return start("--secure-serving=false", "--workers=2", a="127.0.0.1:9", b="127.0.0.1:10")


@pytest.fixture
def exchange(epp: Any) -> Iterator[Callable[[], Exchange]]:
    opened: list[Exchange] = []

    def begin() -> Exchange:
        opened.append(Exchange(epp.address))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


def workers(epp: Any) -> set[int]:
    pid = epp.process.pid
    return {int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def peers(epp: Any, pid: int) -> int:
    """Return how many connections to the ext-proc port a process has."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.update(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{epp.grpc_port:04X}"
    return sum(row[1].endswith(port) and row[3] == "01" and row[9] in inodes for row in rows)


def sample(epp: Any, name: str) -> float:
    found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", epp.http("/metrics").text, re.MULTILINE)
    return sum(map(float, found))


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def are_met(epp: Any) -> bool:
    """Tell whether no endpoint can be reached, and that is known of each."""
    endpoints = epp.http("/debug/state").json()["pool"]["endpoints"]
    return not any(endpoint["isReachable"] for endpoint in endpoints)


def test_all_workers_decide_by_the_same_knowledge(epp: Any, exchange: Callable[[], Any]) -> None:
    # As long as one of them may be reached, for all that is known, it gets every request.
    eventually(lambda: are_met(epp))
    first = exchange()
    # The first request makes its endpoint the busier one, whichever process asks next.
    assert first.route() != exchange().route()
    assert len(workers(epp)) == 2
    # A worker that has no time to say what it counted is shown with what it said last.
    eventually(lambda: sample(epp, "inference_objective_request_total") == 2)
    eventually(lambda: sample(epp, "inference_objective_running_requests") == 2)
    first.end()
    eventually(lambda: sample(epp, "inference_objective_running_requests") == 1)


def test_a_dead_worker_loses_its_own_streams_only_and_is_started_again(
    epp: Any, exchange: Callable[[], Any]
) -> None:
    before = workers(epp)
    exchanges = []
    while not all(peers(epp, pid) for pid in before):
        assert len(exchanges) < 64, "the kernel spreads connections over both"
        exchanges.append(exchange())
        exchanges[-1].route()
    victim = before.pop()
    lost = peers(epp, victim)

    os.kill(victim, signal.SIGKILL)

    eventually(lambda: sum(not each.is_open for each in exchanges) == lost)
    gone = [each for each in exchanges if not each.is_open]
    assert {each.wait_until_lost() for each in gone} == {grpc.StatusCode.UNAVAILABLE}
    eventually(lambda: len(workers(epp)) == 2 and victim not in workers(epp))
    assert sample(epp, "inference_objective_request_total") <= len(exchanges)
    for each in exchanges:
        if each.is_open:
            each.end()
    assert exchange().route() in {"127.0.0.1:9", "127.0.0.1:10"}


def test_a_worker_is_started_again_though_the_file_has_become_useless(
    start: Start, tmp_path: Path
) -> None:
    epp = start("--secure-serving=false", "--workers=1")
    (file,) = tmp_path.glob("config*.yaml")
    (victim,) = workers(epp)
    file.write_text(file.read_text().replace("plugins:", "plugins:\n- type: max-score-picker", 1))
    eventually(lambda: "loaded the configuration again" in epp.log.read_text())
    file.write_text("plugins: 7\n")
    eventually(lambda: "keeping the last good one" in epp.log.read_text())

    os.kill(victim, signal.SIGKILL)

    eventually(lambda: bool(workers(epp) - {victim}))
    eventually(lambda: _answers(epp.address))


def _answers(address: str) -> bool:
    exchange = Exchange(address)
    try:
        return bool(exchange.route())
    except (StopIteration, grpc.RpcError):
        return False
    finally:
        exchange.close()


def test_an_end_in_good_order_lets_open_exchanges_finish(
    epp: Any, exchange: Callable[[], Any]
) -> None:
    open_one = exchange()
    open_one.route()

    epp.process.send_signal(signal.SIGTERM)
    eventually(lambda: "draining" in epp.log.read_text())
    open_one.end()

    assert epp.process.wait(PATIENCE) == 0
    assert "Traceback" not in epp.log.read_text()


def test_workers_end_when_the_deciding_process_is_killed(epp: Any) -> None:
    left = workers(epp)

    epp.process.kill()
    epp.process.wait()

    eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in left))


def test_health_on_the_shared_port_follows_the_deciding_process(start: Start) -> None:
    epp = start("--secure-serving=false", "--workers=2", "--health-checking")
    with grpc.insecure_channel(epp.address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_wire.HealthCheckRequest.SerializeToString,
            response_deserializer=health_wire.HealthCheckResponse.FromString,
        )
        eventually(lambda: check(health_wire.HealthCheckRequest()).status == 1)
