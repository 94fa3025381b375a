"""The command line of each part, its start, and the wait until it is ready."""

import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gaiectl.errors import GaieError, TimedOut, UsageError
from gaiectl.local import asking, endpoints, envoy, ports, process
from gaiectl.local.files import last_lines, write_whole
from gaiectl.local.state import ENVOY, EPP, LOOPBACK, Endpoint, Folder, Setup, State
from gaiectl.rendering.envoy import Address, BodyMode, Bootstrap, bootstrap

DEFAULT_MODEL = "simulated-model"
SIMULATED_PACE = (
    "--time-to-first-token=10ms",
    "--inter-token-latency=5ms",
    "--max-model-len=16384",
)
"""A small model on a good GPU: quick, and slow enough to see streams and queues at work."""

POLL_SECONDS = 0.05
ATTEMPTS = 4

_PYTHON = (sys.executable, "-P", "-m")
"""With no module of the working directory, as console scripts run."""


class Died(GaieError):
    """A part ended by itself. The detail is the end of its log."""

    def __init__(self, part: str, place: Folder, *, hint: str = "") -> None:
        super().__init__(
            f"{part} of stack {place.name!r} has ended",
            hint=hint or f"read its output above; the cause is usually in its last line ({part})",
            detail=last_lines(place.log(part)) or "(it has written nothing)",
        )
        self.part = part

    @property
    def lost_its_port(self) -> bool:
        """Somebody else has taken the port meanwhile."""
        return "address already in use" in self.detail.lower()


def simulator_argv(endpoint: Endpoint, setup: Setup) -> list[str]:
    """Return the command line of a simulator; the first model is the base, all names serve it.

    The user's arguments come last and win.
    """
    names = list(setup.models) or [DEFAULT_MODEL]
    aliases = ["--served-model-name", *names] if len(names) > 1 else []
    modules = [json.dumps({"name": name}) for name in setup.adapters]
    adapters = ["--max-loras", str(len(modules)), "--lora-modules", *modules] if modules else []
    return [
        *(*_PYTHON, "gaiectl.simulator"),
        *("--port", str(endpoint.address.port)),
        *("--model", names[0], *aliases, *adapters),
        *("--pod-name", endpoint.name, *SIMULATED_PACE, *setup.sim_args),
    ]


def epp_argv(state: State, config: Path) -> list[str]:
    """Return the command line of the EPP: ours, or the user's with the same flags.

    The flags are those every EPP knows, save the address to bind to, which only ours has.
    """
    own = [*_PYTHON, "epp", "--bind-address", LOOPBACK]
    return [
        *(state.setup.epp_command or own),
        *("--config-file", str(config)),
        *("--grpc-port", str(state.ports.epp_grpc)),
        *("--grpc-health-port", str(state.ports.epp_health)),
        *("--metrics-port", str(state.ports.epp_metrics)),
        *("--secure-serving=false", "--metrics-endpoint-auth=false", "--health-checking"),
        *("--v", "1"),
    ]


def argv(place: Folder, state: State, part: str) -> list[str]:
    """Return the command line of a part of the stack."""
    if part == ENVOY:
        setup = state.setup
        return envoy.argv(setup.envoy, place.bootstrap, state.name, setup.concurrency)
    if part == EPP:
        return epp_argv(state, place.epp_config)
    endpoint = next(e for e in state.endpoints if e.name == part)
    return simulator_argv(endpoint, state.setup)


def launch(place: Folder, state: State, part: str) -> State:
    """Start a part and return the state that names it, saved before the part runs."""
    if part == ENVOY:
        write_bootstrap(place, state)
    saved = state

    def record(child: process.Process) -> None:
        nonlocal saved
        saved = state.with_process(part, child)
        place.save(saved)

    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process.spawn(
        argv(place, state, part), log=place.log(part), record=record, environment=environment
    )
    return saved


def launch_simulator(place: Folder, state: State, number: int) -> State:
    """Start one more simulator and return the state that has it."""
    endpoint = endpoints.simulated(number, ports.free()[0])
    state = replace(state, endpoints=(*state.endpoints, endpoint))
    return launch(place, state, endpoint.name)


def write_bootstrap(place: Folder, state: State) -> None:
    """Write Envoy's configuration for the stack."""
    values = Bootstrap(
        node=state.name,
        listener=Address(LOOPBACK, state.ports.gateway),
        admin=Address(LOOPBACK, state.ports.admin),
        epp=Address(LOOPBACK, state.ports.epp_grpc),
        body_mode=BodyMode(state.setup.body_mode),
        fail_open=state.setup.fail_open,
        endpoints_file=str(place.assignment),
        endpoints_directory=str(place.assignment.parent),
        access_log="/dev/stdout",
        show_served_endpoint=True,
    )
    write_whole(place.bootstrap, bootstrap(values))


def is_ready(state: State, part: str) -> bool:
    """Tell whether a part does its work."""
    if part == ENVOY:
        answer = asking.get(f"{state.admin_url}/ready")
        return answer is not None and answer.is_success
    if part == EPP:
        return asking.is_serving(LOOPBACK, state.ports.epp_health)
    return any(e.name == part and asking.is_ready(e.url) for e in state.endpoints)


def wait_ready(place: Folder, state: State, names: Iterable[str], *, deadline: float) -> None:
    """Wait until every named part or model server is ready.

    Args:
        place: the stack's folder, for the logs.
        state: the stack.
        names: what to wait for; the death of one of our own ends the wait.
        deadline: on the monotonic clock.

    Raises:
        Died: a part ended.
        TimedOut: something is still not ready.
    """
    waiting = list(names)
    watched = [name for name in waiting if name in state.processes]
    while waiting:
        waiting = [name for name in waiting if not is_ready(state, name)]
        for part in watched:
            if not process.is_alive(state.processes[part]):
                raise Died(part, place)
        if waiting and time.monotonic() > deadline:
            raise TimedOut(
                f"not ready in time: {', '.join(waiting)}",
                hint="give it more with --timeout, for example --timeout 120",
                detail=last_lines(place.log(waiting[0])),
            )
        if waiting:
            time.sleep(POLL_SECONDS)


def wait_started(place: Folder, state: State, names: Iterable[str], *, deadline: float) -> State:
    """Wait until parts are ready; one whose port was taken meanwhile is started on another.

    Returns:
        The state with the ports and processes that came of it.

    Raises:
        Died, TimedOut: as ``wait_ready``.
    """
    wanted = list(names)
    for _ in range(ATTEMPTS - 1):
        try:
            wait_ready(place, state, wanted, deadline=deadline)
        except Died as died:
            if not died.lost_its_port:
                raise
            place.log(died.part).unlink(missing_ok=True)
            state = launch(place, ports.moved(state, died.part), died.part)
        else:
            return state
    wait_ready(place, state, wanted, deadline=deadline)
    return state


def part_names(state: State) -> list[str]:
    """Return the stack's parts, in the order they are stopped."""
    return [ENVOY, EPP, *(e.name for e in state.endpoints if e.is_simulated)]


def check_part(state: State, part: str) -> None:
    """Raise a UsageError unless the stack has a part of this name."""
    names = part_names(state)
    if part in names:
        return
    import difflib  # noqa: PLC0415 - only for a mistake

    close = difflib.get_close_matches(part, names, n=1)
    raise UsageError(
        f"stack {state.name!r} has no part {part!r}",
        hint=f"did you mean {close[0]}?" if close else f"its parts are {', '.join(names)}",
    )


def dead_parts(state: State) -> list[str]:
    """Return the parts that should run and do not."""
    return [
        part
        for part in part_names(state)
        if part not in state.processes or not process.is_alive(state.processes[part])
    ]


def expect_dead(state: State, part: str) -> State:
    """Return the state in which the end of a part is meant to be."""
    return replace(state, killed=(*(name for name in state.killed if name != part), part))
