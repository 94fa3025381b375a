"""Starting a stack: check, start the parts, wait in order, prove it with a real request."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from gaiectl.errors import GaieError
from gaiectl.local import asking, endpoints, envoy, epp_config, named, parts, ports
from gaiectl.local.files import write_whole
from gaiectl.local.narrator import Narrator
from gaiectl.local.proof import first_request
from gaiectl.local.state import (
    ENVOY,
    EPP,
    Folder,
    Phase,
    Setup,
    State,
    locked,
)
from gaiectl.local.stop import take_down


@dataclass(frozen=True, slots=True)
class Started:
    """The outcome of ``up``.

    Attributes:
        state: the running stack.
        is_new: it was started now, rather than found running.
        answered_by: the endpoint that served the first request.
    """

    state: State
    is_new: bool
    answered_by: str = ""


def up(place: Folder, setup: Setup, narrator: Narrator, *, timeout_seconds: float = 60) -> Started:
    """Bring the stack up, or find it running and change nothing.

    A stack that was left half-started, or whose processes are all gone (a crash, a reboot), is
    cleared away first. When a step fails, everything that was started is stopped and deleted.

    Args:
        place: the stack's folder.
        setup: what to start.
        narrator: hears each step.
        timeout_seconds: for all steps together.

    Raises:
        GaieError: what is wrong and what to do.
    """
    waits = partial(narrator.said, f"another gaiectl works on stack {place.name!r}: waiting")
    with locked(place, on_wait=waits):
        found = place.load()
        if found is not None:
            if _is_running(place, found):
                return Started(found, is_new=False)
            narrator.said(f"clearing away what is left of stack {place.name!r}")
            take_down(place, found, narrator, drain_seconds=0)
        return _start(place, setup, narrator, time.monotonic() + timeout_seconds)


def _is_running(place: Folder, found: State) -> bool:
    dead = parts.dead_parts(found)
    if found.phase != Phase.RUNNING or len(dead) == len(parts.part_names(found)):
        return False
    if dead:
        raise parts.Died(
            dead[0],
            place,
            hint=f"gaiectl local start {dead[0]}{named(found.name)}, or "
            f"gaiectl local down{named(found.name)} and then up again",
        )
    return True


def _start(place: Folder, setup: Setup, narrator: Narrator, deadline: float) -> Started:
    with _step(narrator, "configuration checked"):
        asking.check_installation()
        binary = envoy.find(setup.envoy)
        real = endpoints.from_urls(setup.endpoints)
        config = epp_config.read(setup.config, adapters=bool(setup.adapters and not real))
        if setup.port and ports.is_taken(setup.port):
            raise GaieError(
                f"port {setup.port} is in use by another program",
                hint="choose another --port, or leave it out for a free one",
            )
        epp_text = epp_config.with_endpoints(config, place.endpoints, source=setup.config)
    place.create()
    state = State(
        name=place.name,
        setup=replace(setup, envoy=binary),
        phase=Phase.STARTING,
        ports=ports.allocate(setup.port),
        endpoints=real,
    )
    place.save(state)
    try:
        write_whole(place.epp_config, epp_text)
        state = _start_servers(place, state, narrator, deadline)
        state = _start_epp(place, state, narrator, deadline)
        state = _start_envoy(place, state, narrator, deadline)
        began = time.monotonic()
        narrator.began("first request answered")
        answered_by = first_request(place, state, deadline)
        narrator.finished(f"first request answered by {answered_by}", time.monotonic() - began)
        state = replace(state, phase=Phase.RUNNING)
        place.save(state)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            narrator.said("interrupted: stopping what was started")
        with contextlib.suppress(GaieError):
            state = place.load() or state
        take_down(place, state, narrator, drain_seconds=0)
        raise
    return Started(state, is_new=True, answered_by=answered_by)


def _start_servers(place: Folder, state: State, narrator: Narrator, deadline: float) -> State:
    if not state.endpoints:
        for number in range(state.setup.replicas):
            state = parts.launch_simulator(place, state, number)
    # Both start at the same time, but the EPP hears of no endpoint that is not ready.
    endpoints.show_to_epp(place, [])
    state = parts.launch(place, state, EPP)
    count = len(state.endpoints)
    with _step(narrator, f"{count} model server{'s' if count > 1 else ''} ready"):
        names = [endpoint.name for endpoint in state.endpoints]
        state = parts.wait_started(place, state, names, deadline=deadline)
        endpoints.show_to_epp(place, state.endpoints)
    return state


def _start_epp(place: Folder, state: State, narrator: Narrator, deadline: float) -> State:
    with _step(narrator, "endpoint picker ready"):
        return parts.wait_started(place, state, [EPP], deadline=deadline)


def _start_envoy(place: Folder, state: State, narrator: Narrator, deadline: float) -> State:
    endpoints.show_to_envoy(place, state.endpoints)
    parts.write_bootstrap(place, state)
    with _step(narrator, "Envoy's configuration accepted"):
        envoy.validate(state.setup.envoy, place.bootstrap)
    with _step(narrator, "Envoy ready"):
        state = parts.launch(place, state, ENVOY)
        return parts.wait_started(place, state, [ENVOY], deadline=deadline)


@contextlib.contextmanager
def _step(narrator: Narrator, what: str) -> Iterator[None]:
    began = time.monotonic()
    narrator.began(what)
    yield
    narrator.finished(what, time.monotonic() - began)
