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


def ready() -> Health:
    health = Health()
    health.meet("started")
    health.meet("synced")
    return health


def check(health: Health, service: str) -> str:
    wire, handler = begin(health, "Check")
    handler.message(ask(service))
    assert wire.status == 0
    (answer,) = wire.sent
    return pb.HealthCheckResponse.ServingStatus.Name(
        pb.HealthCheckResponse.FromString(answer).status
    )


@pytest.mark.parametrize("service", ["", EXT_PROC, "readiness", "inference-extension"])
def test_without_election_every_name_means_readiness(service: str) -> None:
    assert check(Health(), service) == "NOT_SERVING"
    assert check(ready(), service) == "SERVING"


@pytest.mark.parametrize("elects", [True, False])
def test_liveness_does_not_depend_on_the_pool(elects: bool) -> None:
    assert check(Health(elects=elects), "liveness") == "SERVING"


@pytest.mark.parametrize("service", ["", EXT_PROC, "readiness"])
def test_with_election_only_the_leader_is_ready(service: str) -> None:
    health = Health(elects=True)
    health.meet("started")
    health.meet("synced")
    before = check(health, service)
    health.meet("leading")
    during = check(health, service)
    health.meet("leading", is_met=False)

    assert (before, during, check(health, service)) == ("NOT_SERVING", "SERVING", "NOT_SERVING")


def test_with_election_other_names_are_unknown_but_no_error() -> None:
    assert check(Health(elects=True), "inference-extension") == "SERVICE_UNKNOWN"


def test_who_drains_is_not_ready() -> None:
    health = ready()
    health.meet("not draining", is_met=False)

    assert check(health, "readiness") == "NOT_SERVING"
    assert check(health, "liveness") == "SERVING"
    assert health.unmet == "draining"


def test_what_is_missing_can_be_told() -> None:
    assert Health(elects=True).unmet == "not leading, not started, not synced"


def test_watch_tells_the_state_and_each_change_once() -> None:
    health = Health()
    health.meet("started")
    wire, handler = begin(health, "Watch")
    handler.message(ask(""))
    health.meet("synced")
    health.meet("synced")
    health.meet("synced", is_met=False)
    handler.aborted()
    health.meet("synced")

    assert serving(wire) == [False, True, False]
    assert wire.status is None


def test_watch_ends_when_the_server_drains() -> None:
    health = Health()
    wire, handler = begin(health, "Watch")
    handler.message(ask(""))
    handler.drain()

    assert wire.status == 14


@pytest.mark.parametrize(
    ("elects", "names"), [(False, {EXT_PROC}), (True, {EXT_PROC, "liveness", "readiness"})]
)
def test_list_names_the_services(elects: bool, names: set[str]) -> None:
    wire, handler = begin(Health(elects=elects), "List")
    handler.message(b"")
    answer = pb.HealthListResponse.FromString(wire.sent[0])

    assert set(answer.statuses) == names
    assert answer.statuses[EXT_PROC].status == pb.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_garbage_and_silence_are_invalid_arguments(method: str) -> None:
    garbage, handler = begin(Health(), method)
    handler.message(b"\xff\xff\xff")
    silence, handler = begin(Health(), method)
    handler.half_closed()

    assert (garbage.status, silence.status) == (3, 3)
