"""The health service as probes and Envoy see it."""

import pytest

from epp._generated import gaie_health_pb2 as pb
from epp.server.health import EXT_PROC, Health
from epp.transport.call import Handler


class Wire:
    """Keeps what a handler sends."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.status: int | None = None

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def finish(self, status: int = 0, message: str = "") -> None:
        del message
        if self.status is None:
            self.status = status


def begin(health: Health, method: str) -> tuple[Wire, Handler]:
    wire = Wire()
    return wire, health.methods()[f"/grpc.health.v1.Health/{method}".encode()](wire)


def ask(service: str) -> bytes:
    return pb.HealthCheckRequest(service=service).SerializeToString()


def serving(wire: Wire) -> list[bool]:
    statuses = [pb.HealthCheckResponse.FromString(data).status for data in wire.sent]
    return [status == pb.HealthCheckResponse.SERVING for status in statuses]


@pytest.mark.parametrize("service", ["", EXT_PROC, "readiness", "inference-extension"])
def test_every_name_means_readiness(service: str) -> None:
    health = Health()
    before, handler = begin(health, "Check")
    handler.message(ask(service))
    health.set_ready(is_ready=True)
    after, handler = begin(health, "Check")
    handler.message(ask(service))

    assert (serving(before), serving(after)) == ([False], [True])
    assert after.status == 0


def test_liveness_does_not_depend_on_endpoints() -> None:
    wire, handler = begin(Health(), "Check")
    handler.message(ask("liveness"))

    assert serving(wire) == [True]


def test_watch_tells_the_state_and_each_change_once() -> None:
    health = Health()
    wire, handler = begin(health, "Watch")
    handler.message(ask(""))
    health.set_ready(is_ready=True)
    health.set_ready(is_ready=True)
    health.set_ready(is_ready=False)
    handler.aborted()
    health.set_ready(is_ready=True)

    assert serving(wire) == [False, True, False]
    assert wire.status is None


def test_watch_ends_when_the_server_drains() -> None:
    health = Health()
    wire, handler = begin(health, "Watch")
    handler.message(ask(""))
    handler.drain()

    assert wire.status == 14


def test_list_names_the_services() -> None:
    wire, handler = begin(Health(), "List")
    handler.message(b"")
    answer = pb.HealthListResponse.FromString(wire.sent[0])

    assert {name: state.status for name, state in answer.statuses.items()} == {
        EXT_PROC: pb.HealthCheckResponse.NOT_SERVING,
        "liveness": pb.HealthCheckResponse.SERVING,
        "readiness": pb.HealthCheckResponse.NOT_SERVING,
        "": pb.HealthCheckResponse.NOT_SERVING,
    }


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_garbage_and_silence_are_invalid_arguments(method: str) -> None:
    garbage, handler = begin(Health(), method)
    handler.message(b"\xff\xff\xff")
    silence, handler = begin(Health(), method)
    handler.half_closed()

    assert (garbage.status, silence.status) == (3, 3)
