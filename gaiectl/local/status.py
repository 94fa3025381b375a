"""How a stack is: the report behind ``status`` and ``list``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gaiectl.local import asking, parts, process
from gaiectl.local.files import last_lines, trim_log
from gaiectl.local.state import ENVOY, EPP, Folder, Phase, State


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """One model server.

    Attributes:
        name: in the pool.
        url: its root.
        pid: of the simulator, if it is one and lives.
        is_ready: it takes requests.
    """

    name: str
    url: str
    pid: int | None
    is_ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One stack.

    Attributes:
        state: what was recorded.
        envoy_pid: None when it does not run.
        epp_pid: None when it does not run.
        unready: those of ``envoy`` and ``epp`` that run and do not do their work.
        endpoints: the pool.
        dead: parts that should run and do not, with the last lines of their logs.
    """

    state: State
    envoy_pid: int | None
    epp_pid: int | None
    unready: tuple[str, ...]
    endpoints: tuple[EndpointReport, ...]
    dead: Mapping[str, str]

    @property
    def is_healthy(self) -> bool:
        """Everything that should run does."""
        return self.state.phase == Phase.RUNNING and not self.dead and not self.unready

    @property
    def condition(self) -> str:
        """One word for a table."""
        if self.dead or (self.unready and self.state.phase == Phase.RUNNING):
            return "broken"
        return str(self.state.phase)

    def as_json(self) -> dict[str, Any]:
        """Return the report in its published shape."""
        ports = self.state.ports
        return {
            "name": self.state.name,
            "gateway": {"url": self.state.gateway_url},
            "envoy": {"pid": self.envoy_pid, "adminUrl": self.state.admin_url},
            "epp": {
                "pid": self.epp_pid,
                "grpcPort": ports.epp_grpc,
                "metricsUrl": self.state.epp_metrics_url,
            },
            "endpoints": [
                {"name": e.name, "url": e.url, "pid": e.pid, "ready": e.is_ready}
                for e in self.endpoints
            ],
        }


def report(place: Folder, state: State) -> Report:
    """Look at every part of the stack now."""
    for part in parts.part_names(state):
        trim_log(place.log(part))
    dead = parts.dead_parts(state)
    ready = asking.all_ready([endpoint.url for endpoint in state.endpoints])
    return Report(
        state=state,
        envoy_pid=_pid(state, ENVOY),
        epp_pid=_pid(state, EPP),
        endpoints=tuple(
            EndpointReport(e.name, e.url, _pid(state, e.name), is_ready)
            for e, is_ready in zip(state.endpoints, ready, strict=True)
        ),
        unready=tuple(
            part for part in (ENVOY, EPP) if part not in dead and not parts.is_ready(state, part)
        ),
        dead={part: last_lines(place.log(part)) for part in dead},
    )


def _pid(state: State, part: str) -> int | None:
    child = state.processes.get(part)
    return child.pid if child is not None and process.is_alive(child) else None
