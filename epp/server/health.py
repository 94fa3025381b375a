"""grpc.health.v1: Check, Watch and List (health.proto of the gRPC project).

One ``Health`` answers on both ports: SERVING while all that is needed for picking endpoints is
there. ``liveness`` is SERVING as long as the process runs, so that a pool that does not exist yet
does not make the pod restart.
"""

from collections.abc import Callable
from typing import Literal

from google.protobuf.message import DecodeError

from epp._generated import gaie_health_pb2 as pb
from epp.transport.call import Call, Handler, HandlerFactory, Status

EXT_PROC = "envoy.service.ext_proc.v3.ExternalProcessor"
LIVENESS = "liveness"
READINESS = "readiness"
_READY_SERVICES = (READINESS, EXT_PROC, "")

Condition = Literal["started", "synced", "leading", "not draining"]
"""What must be so before requests may come: the ports are open, the endpoints were seen, this
process is the leader, nobody has asked it to end."""


class Health:
    """What the server says of itself.

    Args:
        elects: only a leader is ready, so that ``leading`` counts.
    """

    def __init__(self, *, elects: bool = False) -> None:
        self._elects = elects
        self._unmet: set[Condition] = {"started", "synced"}
        if elects:
            self._unmet.add("leading")
        self._watchers: set[_Watch] = set()
        self._listeners: list[Callable[[bool], None]] = []

    def on_change(self, listener: Callable[[bool], None]) -> None:
        """Call ``listener`` whenever this becomes ready or ceases to be."""
        self._listeners.append(listener)

    @property
    def is_ready(self) -> bool:
        """Whether requests should come here."""
        return not self._unmet

    @property
    def unmet(self) -> str:
        """What is missing, for people; empty when it is ready."""
        return ", ".join(f"not {each}".replace("not not ", "") for each in sorted(self._unmet))

    def meet(self, condition: Condition, *, is_met: bool = True) -> None:
        """Note whether a condition is met, and tell every watcher if that is news for them."""
        was_ready = self.is_ready
        if is_met:
            self._unmet.discard(condition)
        elif condition != "leading" or self._elects:
            self._unmet.add(condition)
        if self.is_ready != was_ready:
            for watcher in list(self._watchers):
                watcher.tell()
            for listener in self._listeners:
                listener(self.is_ready)

    def status(self, service: str) -> pb.HealthCheckResponse.ServingStatus:
        """Return the serving status of a service.

        Without election any name is answered, for charts probe under names of their own (such as
        ``inference-extension``): all but ``liveness`` mean readiness. With election other names are
        unknown, as the Go EPP has it.
        """
        if self._elects and service not in (*_READY_SERVICES, LIVENESS):
            return pb.HealthCheckResponse.SERVICE_UNKNOWN
        is_serving = service == LIVENESS or self.is_ready
        return pb.HealthCheckResponse.SERVING if is_serving else pb.HealthCheckResponse.NOT_SERVING

    def methods(self) -> dict[bytes, HandlerFactory]:
        """Return the gRPC methods."""
        return {
            b"/grpc.health.v1.Health/Check": lambda call: _Unary(call, self._check),
            b"/grpc.health.v1.Health/List": lambda call: _Unary(call, self._list),
            b"/grpc.health.v1.Health/Watch": lambda call: _Watch(call, self),
        }

    def watch(self, watcher: "_Watch") -> None:
        """Tell the watcher of changes from now on."""
        self._watchers.add(watcher)

    def unwatch(self, watcher: "_Watch") -> None:
        """Stop telling the watcher."""
        self._watchers.discard(watcher)

    def _check(self, data: bytes) -> bytes:
        request = pb.HealthCheckRequest.FromString(data)
        return pb.HealthCheckResponse(status=self.status(request.service)).SerializeToString()

    def _list(self, data: bytes) -> bytes:
        del data  # the request has no fields
        answer = pb.HealthListResponse()
        for service in (EXT_PROC, LIVENESS, READINESS) if self._elects else (EXT_PROC,):
            answer.statuses[service].status = self.status(service)
        return answer.SerializeToString()


class _Unary(Handler):
    def __init__(self, call: Call, answer: Callable[[bytes], bytes]) -> None:
        self._call = call
        self._answer = answer
        self._is_answered = False

    def message(self, data: bytes) -> None:
        if self._is_answered:
            return
        self._is_answered = True
        try:
            self._call.send(self._answer(data))
        except DecodeError:
            self._call.finish(Status.INVALID_ARGUMENT, "malformed message")
        else:
            self._call.finish()

    def half_closed(self) -> None:
        if not self._is_answered:
            self._call.finish(Status.INVALID_ARGUMENT, "the request message is missing")

    def aborted(self) -> None:
        pass

    def drain(self) -> None:
        pass


class _Watch(Handler):
    def __init__(self, call: Call, health: Health) -> None:
        self._call = call
        self._health = health
        self._service: str | None = None
        self._told: pb.HealthCheckResponse.ServingStatus | None = None

    def message(self, data: bytes) -> None:
        if self._service is not None:
            return
        try:
            self._service = pb.HealthCheckRequest.FromString(data).service
        except DecodeError:
            self._call.finish(Status.INVALID_ARGUMENT, "malformed message")
            return
        self._health.watch(self)
        self.tell()

    def tell(self) -> None:
        """Send the status if it is news."""
        status = self._health.status(self._service or "")
        if status != self._told:
            self._told = status
            self._call.send(pb.HealthCheckResponse(status=status).SerializeToString())

    def half_closed(self) -> None:
        if self._service is None:
            self._call.finish(Status.INVALID_ARGUMENT, "the request message is missing")

    def aborted(self) -> None:
        self._health.unwatch(self)

    def drain(self) -> None:
        self._health.unwatch(self)
        self._call.finish(Status.UNAVAILABLE, "shutting down")
